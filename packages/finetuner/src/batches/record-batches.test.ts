/** Batches whose number depends on what the records hold. */

import { fileURLToPath } from 'node:url';

import { Embedder, useEngine } from '@uniem/core';
import { Dataset } from '@uniem/data';
import { beforeAll, expect, test } from 'vitest';

import { resolveOptions } from '../options.ts';
import { type BatchSource, recordBatches, stepBatches, totalSteps } from './record-batches.ts';

const tiny = fileURLToPath(new URL('../../../../fixtures/tiny-bert/model', import.meta.url));
let embedder: Embedder;
beforeAll(async () => {
  await useEngine({ backend: 'cpu' });
  embedder = await Embedder.fromPretrained(tiny);
});

/** Few texts and uneven tasks: groups of every size, of one pair too. */
const rows = Dataset.fromRows(
  Array.from({ length: 60 }, (_, i) => ({
    text: 'abcd'[(i * i) % 4],
    text_pos: `p${i % 7}`,
    task: (i * i) % 11,
    kind: i % 2,
  })),
);

const sourceOf = (options: object): BatchSource => ({
  embedder,
  recordType: 'pair',
  prefix: '',
  options: { ...resolveOptions(options), batchSize: 4, maxLength: 64 },
});

const CASES: [name: string, options: object][] = [
  ['plain', {}],
  ['of one task', { taskField: 'task' }],
  ['of one task, full', { taskField: 'task', dropLast: true }],
  ['without repeated texts', { uniqueTexts: true }],
  ['of both', { taskField: 'task', uniqueTexts: true }],
  ['within a budget', { tokenBudget: 20 }],
  ['within a budget, full', { tokenBudget: 20, dropLast: true }],
  ['within a budget, without repeated texts', { tokenBudget: 20, uniqueTexts: true }],
  ['within a budget, of tasks in turn', { tokenBudget: 20, taskField: 'kind', taskSampling: 'round_robin' }],
  ['of tasks in turn', { taskField: 'kind', taskSampling: 'round_robin' }],
];

test.each(CASES)('%s: the steps that are made are those that were counted', async (_, options) => {
  for (const shuffle of [false, true]) {
    const source = sourceOf({ ...options, shuffle, epochs: 3, gradientAccumulationSteps: 2 });
    let steps = 0;
    for (let epoch = 1; epoch <= 3; epoch++) for await (const _ of stepBatches(rows, source, epoch, 0)) steps += 1;
    expect(await totalSteps(source, rows)).toBe(steps);
  }
});

test.each(CASES)('%s: after those before a checkpoint come the others', async (_, options) => {
  const source = sourceOf(options);
  const batchesFrom = async (skip: number) => {
    const found: string[] = [];
    for await (const { records } of recordBatches(rows, source, skip)) found.push(JSON.stringify(records));
    return found;
  };
  const all = await batchesFrom(0);
  expect(all.length).toBeGreaterThan(5);
  for (let skip = 0; skip <= all.length; skip++) expect(await batchesFrom(skip)).toEqual(all.slice(skip));
});

test('a batch has the tokens of the budget at most', async () => {
  const source = sourceOf({ tokenBudget: 20 });
  const sizes: number[] = [];
  let records = 0;
  for await (const { tokens, size } of recordBatches(rows, source)) {
    sizes.push(tokens.inputIds.length);
    records += size;
  }
  expect(records).toBe(rows.length);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(20);
  expect(Math.min(...sizes)).toBeGreaterThan(10);
});

test('a record above the budget is a batch of its own; of pairs, two are', async () => {
  const texts = ['the cat sat', 'the cat sat '.repeat(20), 'the cat', 'the dog'];
  const batchesOf = async (
    recordType: 'pair' | 'triplet',
    data: typeof rows | ReturnType<typeof rows.toIterableDataset>,
  ) => {
    const found: number[][] = [];
    const source = { ...sourceOf({ tokenBudget: 40 }), recordType };
    for await (const { records } of recordBatches(data, source)) found.push(records.map(({ i }) => i as number));
    return found;
  };
  const data = Dataset.fromRows(texts.map((text, i) => ({ text, text_pos: 'cat', text_neg: 'dog', i })));
  for (const given of [data, data.toIterableDataset()]) {
    expect(await batchesOf('triplet', given)).toEqual([[0], [1], [2, 3]]);
    expect(await batchesOf('pair', given)).toEqual([
      [0, 1],
      [2, 3],
    ]);
  }
});

test('tasks take turns, and the shortest ends the epoch', async () => {
  const uneven = Dataset.fromRows(
    Array.from({ length: 40 }, (_, i) => ({ text: `t${i}`, text_pos: `p${i}`, task: i % 5 === 0 ? 'few' : 'many' })),
  );
  const source = sourceOf({ taskField: 'task', taskSampling: 'round_robin' });
  const tasks: unknown[] = [];
  for await (const { records } of recordBatches(uneven, source)) tasks.push(records[0]?.task);
  expect(tasks).toEqual(['few', 'many', 'few', 'many']);
  const fails = async (rows: Parameters<typeof recordBatches>[0], options: object) => {
    for await (const _ of recordBatches(rows, sourceOf(options))) expect.fail('no batch');
  };
  await expect(fails(uneven, { taskSampling: 'round_robin' })).rejects.toThrow(
    'taskSampling: needs taskField\n  fix: name the column of the tasks',
  );
  await expect(fails(uneven.toIterableDataset(), { taskField: 'task', taskSampling: 'round_robin' })).rejects.toThrow(
    'taskSampling: a stream does not tell its tasks before they come\n  fix: mix one stream a task',
  );
});

test('a stream is shuffled through a buffer of shuffleBuffer records', async () => {
  const order = async (shuffleBuffer: number) => {
    const numbered = Dataset.fromRows(Array.from({ length: 40 }, (_, i) => ({ text: String(i), text_pos: 'p' })));
    const source = sourceOf({ shuffle: true, shuffleBuffer });
    const found: number[] = [];
    for await (const [batch] of stepBatches(numbered.toIterableDataset(), source, 1, 0)) {
      found.push(...(batch?.records ?? []).map(({ text }) => Number(text)));
    }
    return found;
  };
  expect(await order(1)).toEqual(Array.from({ length: 40 }, (_, i) => i));
  const near = await order(4);
  expect(near.every((i, at) => i <= at + 4)).toBe(true); // no record comes before it is in the buffer
  const far = await order(40);
  expect(far.some((i, at) => i > at + 4)).toBe(true);
  for (const found of [near, far]) expect(new Set(found).size).toBe(40);
});

test('maxSteps ends the count; no batch at all is refused', async () => {
  expect(await totalSteps(sourceOf({ taskField: 'task', maxSteps: 5 }), rows)).toBe(5);
  const one = Dataset.fromRows([0, 1, 2].map((task) => ({ text: 'a', text_pos: 'b', task })));
  await expect(totalSteps(sourceOf({ taskField: 'task' }), one)).rejects.toThrow(
    'batchSize: no batch of 4 can be made of the training set\n  fix: give more records',
  );
});
