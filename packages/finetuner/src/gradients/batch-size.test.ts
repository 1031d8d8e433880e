/** The search for a batch size, with a limit on the engine's memory. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import * as tf from '@tensorflow/tfjs-core';
import { afterAll, expect, test } from 'vitest';

process.env.UNIEM_MEMORY_LIMIT = String(30e6); // read when the engine starts

const { Embedder, useEngine } = await import('@uniem/core');
const { Dataset } = await import('@uniem/data');
const { findBatchSize } = await import('./batch-size.ts');
const { FineTuner } = await import('../run/finetuner.ts');
const { resolveOptions } = await import('../options.ts');

const model = fileURLToPath(new URL('../../../../fixtures/tiny-bert/model', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-batch-size-'));
afterAll(() => rmSync(folder, { recursive: true }));

const rows = (count: number, words: number) =>
  Array.from({ length: count }, (_, i) => ({ text: `cat ${i}`, text_pos: 'the cat sat '.repeat(words) }));

await useEngine({ backend: 'native' });

test('the longest records of all decide, and nothing is left behind', async () => {
  const embedder = await Embedder.fromPretrained(model);
  const options = { ...resolveOptions({}), maxLength: 64 };
  const trial = { embedder, recordType: 'pair', options, prefix: '', variables: embedder.parameters } as const;
  const find = (data: object[]) => findBatchSize(Dataset.fromRows(data as never), trial);
  const before = (await embedder.encode(['the cat']))[0];
  const tensors = tf.memory().numTensors;
  expect(await find(rows(300, 1))).toBe(256);
  const halved = await find([...rows(1000, 1), ...rows(300, 20)]);
  expect(halved).toBeLessThan(256);
  expect(halved).toBeGreaterThan(4);
  expect(await find(rows(300, 20))).toBe(halved);
  expect(tf.memory().numTensors).toBe(tensors);
  expect((await embedder.encode(['the cat']))[0]).toEqual(before);
});

test('what a token budget leaves out decides nothing', async () => {
  const embedder = await Embedder.fromPretrained(model);
  const data = Dataset.fromRows([...rows(1000, 1), ...rows(300, 20)]);
  const find = (tokenBudget?: number) => {
    const options = { ...resolveOptions({ tokenBudget }), maxLength: 64 };
    const trial = { embedder, recordType: 'pair', options, prefix: '', variables: embedder.parameters } as const;
    return findBatchSize(data, trial);
  };
  const halved = await find();
  expect(halved).toBeLessThan(256);
  expect(await find(500)).toBe(256);
  expect(await find(100_000)).toBe(halved); // more than 256 of the longest have
});

test('a text that never fits is said to be one', async () => {
  process.env.UNIEM_MEMORY_LIMIT = String(30e6);
  const embedder = await Embedder.fromPretrained(model);
  const held: tf.Tensor[] = [];
  try {
    for (;;) held.push(tf.tile(tf.ones([1, 1024]), [64, 1])); // 256 KB each, until there is no more
  } catch {
    expect(held.length).toBeGreaterThan(50);
  }
  const options = { ...resolveOptions({}), maxLength: 64 };
  const trial = { embedder, recordType: 'pair', options, prefix: '', variables: embedder.parameters } as const;
  await expect(findBatchSize(Dataset.fromRows(rows(4, 20)), trial)).rejects.toThrow(
    'batchSize: a batch of 2 does not fit into memory\n  fix: lower maxLength, set gradientCheckpointing or gradCacheTokens',
  );
  tf.dispose(held);
});
