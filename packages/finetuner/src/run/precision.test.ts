/** A run's precision is the run's: what encodes beside it and after it computes as before. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import * as tf from '@tensorflow/tfjs-core';
import { Embedder, useEngine } from '@uniem/core';
import { afterAll, beforeEach, expect, test } from 'vitest';

import { FineTuner } from './finetuner.ts';

const tiny = fileURLToPath(new URL('../../../../fixtures/tiny-bert/model', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-precision-'));
afterAll(() => rmSync(folder, { recursive: true }));

const words = ['cat', 'dogs', 'the mat', 'run', 'catalog', 'end of'];
const text = (i: number) => Array.from({ length: 1 + (i % 7) }, (_, j) => words[(i + j) % words.length]).join(' ');
const rows = Array.from({ length: 48 }, (_, i) => ({ text: text(i), text_pos: text(3 * i + 1) }));
const texts = Array.from({ length: 6 }, (_, i) => text(i));
const encode = async (embedder: Embedder) =>
  (await embedder.encode(texts, { batchSize: 1 })).map((vector) => [...vector]);

beforeEach(async () => {
  await useEngine({ backend: 'native' });
});

const lossesOf = (metricsFile: string) =>
  readFileSync(metricsFile, 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { loss?: number }).loss);

/** Trains; beside every step, `beside` encodes. @returns The losses, and the vectors of each time. */
async function train(name: string, precision: 'fp32' | 'bf16', beside?: Embedder) {
  const fineTuner = await FineTuner.fromPretrained(tiny, { dataset: rows });
  const vectors: Promise<number[][]>[] = [];
  const onStep = () => void (beside && vectors.push(encode(beside)));
  const options = { outputDir: join(folder, name), precision, batchSize: 8, epochs: 1, logInterval: 1, dropout: 0 };
  const { metricsFile } = await fineTuner.run(options, { onStep });
  return { fineTuner, losses: lossesOf(metricsFile), vectors: await Promise.all(vectors) };
}

const hasBf16 = await Embedder.fromPretrained(tiny, { precision: 'bf16' }).then(
  () => true,
  () => false,
);

test.skipIf(!hasBf16)('an Embedder beside a run in bf16 computes in fp32, and the run in bf16', async () => {
  const embedder = await Embedder.fromPretrained(tiny);
  const alone = await encode(embedder);
  const full = await train('fp32', 'fp32');
  const half = await train('bf16', 'bf16');
  const beside = await train('beside', 'bf16', embedder);
  expect(half.losses).not.toEqual(full.losses);
  expect(beside.losses).toEqual(half.losses);
  expect(beside.vectors).toHaveLength(6);
  for (const vectors of beside.vectors) expect(vectors).toEqual(alone);
  expect(await encode(embedder)).toEqual(alone);
  // The model that was trained is in fp32 again: what the saved one gives, opened so.
  const saved = await Embedder.fromPretrained(join(folder, 'bf16', 'model'));
  expect(await encode(half.fineTuner.embedder)).toEqual(await encode(saved));
});

test('a run goes on upon its own engine when another one becomes current', async () => {
  const alone = await train('alone', 'fp32');
  const fineTuner = await FineTuner.fromPretrained(tiny, { dataset: rows });
  const options = { outputDir: join(folder, 'other'), batchSize: 8, epochs: 1, logInterval: 1, dropout: 0 };
  const { metricsFile } = await fineTuner.run(options, { onStep: () => void tf.setBackend('cpu') });
  expect(lossesOf(metricsFile)).toEqual(alone.losses);
});

test('a run that fails leaves maxLength and dropout as they were', async () => {
  const fineTuner = await FineTuner.fromPretrained(tiny, { dataset: rows });
  const { embedder } = fineTuner;
  embedder.maxLength = 16;
  const before = { ...embedder.config.dropout };
  const options = { outputDir: join(folder, 'failed'), batchSize: 8, maxLength: 32, dropout: 0.4 };
  const onStep = () => {
    throw new Error('no more');
  };
  await expect(fineTuner.run(options, { onStep })).rejects.toThrow('no more');
  expect(embedder.maxLength).toBe(16);
  expect(embedder.config.dropout).toEqual(before);
});
