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

test('--corpus gives the negatives, own positives left out', { timeout: 60_000 }, async () => {
  const data = join(folder, 'few.jsonl');
  const pairs = [
    ['kitten', 'a young cat'],
    ['invoice', 'a bill for goods'],
  ].map(([text, text_pos]) => ({ text, text_pos }));
  writeFileSync(data, pairs.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const corpus = join(folder, 'corpus.csv');
  const pool = ['a young cat', 'a cat that is old', 'a bill that was paid', 'the weather of today', 'kitten'];
  writeFileSync(corpus, `passage\n${pool.join('\n')}\n`);
  const output = join(folder, 'of-corpus.jsonl');
  const args = ['mine', '--model', minilmFolder(), '--data', data, '--output', output, '--num-negatives', '1'];
  const more = ['--corpus', corpus, '--corpus-column', 'passage', '--memory', '16'];
  const { stderr } = await promisify(execFile)(process.execPath, [command, ...args, ...more]);
  expect(stderr).toBe('2 triplets of 2 pairs\n');
  const [cat, bill] = pairs;
  expect(
    readFileSync(output, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual([
    { ...cat, text_neg: 'a cat that is old' },
    { ...bill, text_neg: 'a bill that was paid' },
  ]);
});
