/** `uniem evaluate` on a folder of tasks, with the real all-MiniLM-L6-v2. */

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { afterAll, expect, test } from 'vitest';

import { minilmFolder } from '../../../examples/minilm.ts';

const command = fileURLToPath(new URL('../bin/uniem.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-evaluate-'));
afterAll(() => rmSync(folder, { recursive: true }));

const uniem = (...args: string[]) => promisify(execFile)(process.execPath, [command, 'evaluate', ...args]);
const jsonl = (rows: object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

const topics: Record<string, string[]> = {
  animals: ['a cat sleeps', 'dogs bark at night', 'the horse runs', 'birds sing in spring', 'a fish swims'],
  money: ['the bank lends money', 'shares fell today', 'she paid the invoice', 'prices rise', 'a loan at low interest'],
};
const labelled = Object.entries(topics).flatMap(([label, texts]) => texts.map((text) => ({ text, label })));

test('a folder of tasks gives a table, and its metrics as JSON', { timeout: 60_000 }, async () => {
  const tasks = join(folder, 'tasks');
  mkdirSync(join(tasks, 'topics'), { recursive: true });
  writeFileSync(join(tasks, 'topics', 'train.jsonl'), jsonl(labelled.filter((_, i) => i % 5 < 3)));
  writeFileSync(join(tasks, 'topics', 'test.jsonl'), jsonl(labelled.filter((_, i) => i % 5 >= 3)));
  writeFileSync(join(tasks, 'groups.jsonl'), jsonl(labelled));
  writeFileSync(
    join(tasks, 'similar.csv'),
    'sentence1,sentence2,label\na cat sleeps,a cat is sleeping,5\na cat sleeps,a dog sleeps,3\na cat sleeps,prices rise,0\n',
  );
  const output = join(folder, 'report.json');
  const { stdout } = await uniem('--model', minilmFolder(), '--tasks', tasks, '--output', output);
  expect(stdout).toBe(
    'groups   clustering      vMeasure  100.00\n' +
      'similar  sts             spearman  100.00\n' +
      'topics   classification  accuracy  100.00\n' +
      'mean                               100.00\n',
  );
  const report = JSON.parse(readFileSync(output, 'utf8'));
  expect(report.topics).toEqual({ task: 'classification', records: 4, metrics: { accuracy: 1, f1: 1 } });
});

test('one of --data and --tasks is needed', async () => {
  await expect(uniem('--model', 'm')).rejects.toThrow(
    'OptionError: --data, --tasks: one of the two is needed\n  fix: give either --data or --tasks',
  );
});
