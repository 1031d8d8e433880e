/** `uniem finetune` and what it says of the model it made. */

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { afterAll, expect, test } from 'vitest';

const command = fileURLToPath(new URL('../bin/uniem.js', import.meta.url));
const tiny = fileURLToPath(new URL('../../../fixtures/tiny-bert/model/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-finetune-'));
afterAll(() => rmSync(folder, { recursive: true }));

const uniem = (...args: string[]) => promisify(execFile)(process.execPath, [command, ...args]);
const jsonl = (rows: object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

test('tells what the model was worth before and after, as uniem evaluate does', { timeout: 60_000 }, async () => {
  const words = ['cat', 'dog', 'tree', 'house', 'river', 'king', 'red', 'run'];
  const rows = words.map((word, i) => ({ text: `the ${word}`, text_pos: `${words[(i + 3) % 8]} ${word} ${i}` }));
  const [data, held] = [join(folder, 'data.jsonl'), join(folder, 'held.jsonl')];
  writeFileSync(data, jsonl(rows));
  writeFileSync(held, jsonl(rows.slice(0, 6)));
  const output = join(folder, 'run');
  const flags = ['--epochs', '2', '--batch-size', '4', '--lr', '1e-2', '--output-dir', output];
  const { stderr } = await uniem('finetune', '--model', tiny, '--data', data, '--eval-data', held, ...flags);
  const worth = async (model: string) => {
    const { stdout } = await uniem('evaluate', '--model', model, '--data', held);
    return (JSON.parse(stdout)['ndcg@10'] as number).toFixed(4);
  };
  const [before, after] = [await worth(tiny), await worth(join(output, 'model'))];
  expect(stderr).toContain(`retrieval of 6 validation records: ndcg@10 ${before} before, ${after} after\n`);
  expect(after).not.toBe(before);
});
