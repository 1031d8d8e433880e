/** The data flags of `uniem finetune` on files. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Dataset, IterableDataset, type Row } from '@uniem/data';
import { afterAll, expect, test } from 'vitest';

import { type DataFlags, openData } from './training-data.ts';

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

const open = (flags: Partial<DataFlags>) => openData({ data: file, rename: [], streaming: false, seed: 42, ...flags });

async function rowsOf(rows: unknown): Promise<Row[]> {
  const found: Row[] = [];
  for await (const row of rows as AsyncIterable<Row>) found.push(row);
  return found;
}

test('a folder gives its validation set, --split one part', async () => {
  const { train, validation } = await open({ data: splits });
  expect([await rowsOf(train), await rowsOf(validation)]).toEqual([pairs.slice(0, 6), pairs.slice(6)]);
  const part = await open({ data: splits, split: 'train[:2]' });
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
  const { train } = await open({ data: csv, rename: ['question=text', 'answer=text_pos'] });
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

test('flags that disagree are refused', async () => {
  await expect(open({ testSize: 2, evalData: file })).rejects.toThrow(
    '--test-size: cannot be given beside --eval-data\n  fix: give one of them',
  );
  await expect(open({ testSize: 2, streaming: true })).rejects.toThrow(
    '--test-size: a stream cannot be split\n  fix: leave --streaming out, or give --eval-data',
  );
});
