/** The data flags of `uniem finetune` on files. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Dataset, IterableDataset, type Row } from '@uniem/data';
import { afterAll, expect, test } from 'vitest';

import type { DataFlags } from './data-flags.ts';
import { openData } from './training-data.ts';

const folder = mkdtempSync(join(tmpdir(), 'uniem-data-flags-'));
afterAll(() => rmSync(folder, { recursive: true }));

const pairs = Array.from({ length: 10 }, (_, i) => ({ text: `t${i}`, text_pos: `p${i}` }));
const jsonl = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

const file = join(folder, 'pairs.jsonl');
writeFileSync(file, jsonl(pairs));
const csv = join(folder, 'questions.csv');
writeFileSync(csv, 'question,answer\nq0,a0\nq1,a1\n');
const splits = join(folder, 'splits');
mkdirSync(splits);
writeFileSync(join(splits, 'train.jsonl'), jsonl(pairs.slice(0, 6)));
writeFileSync(join(splits, 'validation.jsonl'), jsonl(pairs.slice(6)));

const unset = { dataWeights: [], rename: [], prefix: [], onBadRecord: 'error', streaming: false, seed: 42 } as const;
const open = (flags: Partial<DataFlags>) => openData({ ...unset, data: [file], ...flags });

async function rowsOf(rows: unknown): Promise<Row[]> {
  const found: Row[] = [];
  for await (const row of rows as AsyncIterable<Row>) found.push(row);
  return found;
}

test('a folder gives its validation set, --split one part', async () => {
  const { train, validation } = await open({ data: [splits] });
  expect([await rowsOf(train), await rowsOf(validation)]).toEqual([pairs.slice(0, 6), pairs.slice(6)]);
  const part = await open({ data: [splits], split: 'train[:2]' });
  expect(await rowsOf(part.train)).toEqual(pairs.slice(0, 2));
  expect(part.validation).toBeUndefined();
});

test('--eval-data takes a file, or the validation set of a folder', async () => {
  expect(await rowsOf((await open({ evalData: file })).validation)).toEqual(pairs);
  expect(await rowsOf((await open({ evalData: splits })).validation)).toEqual(pairs.slice(6));
});

test('--test-size holds out records, the same for a seed', async () => {
  const [once, again] = [await open({ testSize: 0.3 }), await open({ testSize: 3 })];
  const [train, validation] = [await rowsOf(once.train), await rowsOf(once.validation)];
  expect([train.length, validation.length]).toEqual([7, 3]);
  expect(new Set([...train, ...validation].map(({ text }) => text)).size).toBe(10);
  expect(await rowsOf(again.validation)).toEqual(validation);
});

test('--rename gives columns the names of a record', async () => {
  const { train } = await open({ data: [csv], rename: ['question=text', 'answer=text_pos'] });
  expect(train).toBeInstanceOf(Dataset);
  expect(await rowsOf(train)).toEqual([
    { text: 'q0', text_pos: 'a0' },
    { text: 'q1', text_pos: 'a1' },
  ]);
});

test('--streaming reads rows as they are used, again for every epoch', async () => {
  const { train } = await open({ streaming: true, rename: ['text=sentence'] });
  expect(train).toBeInstanceOf(IterableDataset);
  for (let epoch = 0; epoch < 2; epoch++) expect((await rowsOf(train))[9]).toEqual({ sentence: 't9', text_pos: 'p9' });
});

test('several --data are mixed after parts of each are held out, by --data-weights where given', async () => {
  const other = join(folder, 'other.jsonl');
  writeFileSync(other, jsonl(pairs.slice(0, 4).map(({ text }) => ({ text, text_pos: 'o' }))));
  const { train, validation } = await open({ data: [file, other], testSize: 0.25 });
  const count = (rows: Row[], path: string) => rows.filter(({ dataset }) => dataset === path).length;
  const rows = await rowsOf(train);
  expect([count(rows, file), count(rows, other)]).toEqual([7, 3]);
  expect(await rowsOf(validation)).toHaveLength(4);
  for (const streaming of [false, true]) {
    const mixed = await open({ data: [file, other], dataWeights: [1, 9], streaming });
    const drawn = await rowsOf(mixed.train);
    expect(count(drawn, other)).toBeGreaterThan(3 * count(drawn, file));
    expect(new Set(drawn.map((row) => JSON.stringify(row))).size).toBe(14);
  }
});

test('a folder of datasets is all of them, by their names', async () => {
  const tasks = join(folder, 'tasks');
  for (const name of ['b', 'a']) {
    mkdirSync(join(tasks, `${name}.dataset`), { recursive: true });
    for (const split of ['train', 'test'])
      writeFileSync(join(tasks, `${name}.dataset`, `${split}.jsonl`), jsonl(pairs));
  }
  const names = (rows: Row[]) => rows.map(({ dataset }) => dataset);
  const { train } = await open({ data: [tasks] });
  expect(names(await rowsOf(train))).toEqual([...Array(10).fill('a'), ...Array(10).fill('b')]);
  expect(await rowsOf((await open({ data: [tasks], split: 'all', streaming: true })).train)).toHaveLength(40);
  const held = await open({ data: [tasks], evalData: file });
  expect(new Set(names(await rowsOf(held.validation)))).toEqual(new Set([file]));
});

test('--max-samples takes so many of each --data', async () => {
  const other = join(folder, 'many.jsonl');
  writeFileSync(other, jsonl(pairs));
  const { train, validation } = await open({ data: [file, other], maxSamples: 4, testSize: 0.2 });
  expect([(await rowsOf(train)).length, (await rowsOf(validation)).length]).toEqual([8, 4]);
  const drawn = await rowsOf((await open({ maxSamples: 4 })).train);
  expect(drawn).not.toEqual(pairs.slice(0, 4));
  expect(await rowsOf((await open({ maxSamples: 4 })).train)).toEqual(drawn);
  expect(await rowsOf((await open({ maxSamples: 40 })).train)).toHaveLength(10);
  expect(await rowsOf((await open({ maxSamples: 4, streaming: true })).train)).toEqual(pairs.slice(0, 4));
});

test('--prefix comes before the texts of a column after its renaming', async () => {
  const flags = { data: [csv], rename: ['question=text', 'answer=text_pos'], prefix: ['text=a=b: '] };
  expect((await rowsOf((await open(flags)).train))[0]).toEqual({ text: 'a=b: q0', text_pos: 'a0' });
});

test('--adapter turns lists of positives into records, of a stream too', async () => {
  const bge = join(folder, 'bge.jsonl');
  writeFileSync(bge, jsonl([{ query: 'q', pos: ['a', 'b'], neg: ['x'] }]));
  for (const streaming of [false, true]) {
    const { train } = await open({ data: [bge], adapter: 'bge', streaming });
    for (let epoch = 0; epoch < 2; epoch++) {
      expect(await rowsOf(train)).toEqual([
        { text: 'q', text_pos: 'a', text_neg: ['x'] },
        { text: 'q', text_pos: 'b', text_neg: ['x'] },
      ]);
    }
  }
});

test('--on-bad-record skip reads on after a line that is no record', async () => {
  const broken = join(folder, 'broken.jsonl');
  writeFileSync(broken, `${jsonl(pairs.slice(0, 1))}{"text": \n${jsonl(pairs.slice(1, 2))}`);
  await expect(open({ data: [broken] })).rejects.toThrow(`${broken}:2: `);
  for (const streaming of [false, true]) {
    const { train } = await open({ data: [broken], onBadRecord: 'skip', streaming });
    expect(await rowsOf(train)).toEqual(pairs.slice(0, 2));
  }
});

test('flags that disagree are refused', async () => {
  await expect(open({ testSize: 2, evalData: file })).rejects.toThrow(
    '--test-size: cannot be given beside --eval-data\n  fix: give one of them',
  );
  await expect(open({ testSize: 2, streaming: true })).rejects.toThrow(
    '--test-size: a stream cannot be split\n  fix: leave --streaming out, or give --eval-data',
  );
  await expect(open({ dataWeights: [1, 2] })).rejects.toThrow(
    '--data-weights: 2 for 1 datasets\n  fix: give one for each',
  );
  await expect(open({ data: [file, file] })).rejects.toThrow(`--data: ${file} is given twice\n  fix: give it once`);
});
