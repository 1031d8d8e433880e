/** `uniem mine` with the real all-MiniLM-L6-v2. */

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { afterAll, expect, test } from 'vitest';

import { minilmFolder } from '../../../examples/minilm.ts';

const command = fileURLToPath(new URL('../bin/uniem.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-mine-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('each pair gets the text that is nearest and not its own', { timeout: 60_000 }, async () => {
  const pairs = [
    ['kitten', 'a young cat'],
    ['puppy', 'a young dog'],
    ['invoice', 'a bill for goods'],
    ['receipt', 'a proof that a bill was paid'],
  ].map(([text, text_pos]) => ({ text, text_pos }));
  const data = join(folder, 'pairs.jsonl');
  writeFileSync(data, pairs.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const output = join(folder, 'triplets.jsonl');
  const args = ['mine', '--model', minilmFolder(), '--data', data, '--output', output, '--num-negatives', '1'];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [command, ...args]);
  expect([stdout, stderr]).toEqual([`${output}\n`, '4 triplets of 4 pairs\n']);
  const mined = readFileSync(output, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(mined).toEqual([1, 0, 3, 2].map((other, i) => ({ ...pairs[i], text_neg: pairs[other]?.text_pos })));
});
