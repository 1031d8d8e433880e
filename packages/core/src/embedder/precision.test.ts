/** Precision and engine belong to a model: what computes beside it, or was chosen after it, changes no bit of its vectors. */

import { fileURLToPath } from 'node:url';

import * as tf from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, test } from 'vitest';

import { requirePrecision, useEngine } from '../engine/engine.ts';
import { pairLoss } from '../losses/criteria.ts';
import { packTokens } from '../tokenizer/token-batch.ts';
import { Embedder } from './embedder.ts';

const tiny = fileURLToPath(new URL('../../../../fixtures/tiny-bert/model', import.meta.url));
const texts = ['the cat', 'dogs run', 'a catalog of the mat', 'the end of', 'run', 'the mat and the cat'];
const values = (vectors: readonly Float32Array[]) => vectors.map((vector) => [...vector]);

beforeEach(async () => {
  await useEngine({ backend: 'native' });
});

const hasBf16 = await requirePrecision('native', 'bf16').then(
  () => true,
  () => false,
);

describe.skipIf(!hasBf16)('two precisions side by side', () => {
  const encode = async (embedder: Embedder) => values(await embedder.encode(texts, { batchSize: 1 }));

  test('encode gives the very vectors that each gives alone', async () => {
    const full = await Embedder.fromPretrained(tiny);
    const half = await Embedder.fromPretrained(tiny, { precision: 'bf16' });
    const shared = await full.inPrecision('bf16');
    const [inFull, inHalf] = [await encode(full), await encode(half)];
    expect(inHalf).not.toEqual(inFull);
    // Each awaits after every text, so the batches of all three take turns.
    expect(await Promise.all([full, half, shared].map(encode))).toEqual([inFull, inHalf, inHalf]);
    expect(await encode(full)).toEqual(inFull);
  });

  test.each([false, true])('gradients have the precision of their model, checkpointing %s', async (checkpointing) => {
    const full = await Embedder.fromPretrained(tiny);
    const half = await full.inPrecision('bf16');
    const batch = packTokens(texts.map((text) => full.tokenizer.encode(text, 64)));
    const gradients = (embedder: Embedder, between = () => {}) => {
      const variables = [...embedder.parameters.values()];
      const { value, grads } = tf.variableGrads(() => {
        const embeddings = embedder.embed(batch, undefined, checkpointing);
        between(); // another model's pass before this one's backward
        return pairLoss(tf.slice(embeddings, 0, 3), tf.slice(embeddings, 3, 3));
      }, variables);
      return [value, ...Object.values(grads)].map((tensor) => [...tensor.dataSync()]);
    };
    const [inFull, inHalf] = [gradients(full), gradients(half)];
    expect(inHalf).not.toEqual(inFull);
    expect(gradients(full, () => tf.dispose(half.embed(batch)))).toEqual(inFull);
    expect(gradients(half, () => tf.dispose(full.embed(batch)))).toEqual(inHalf);
  });
});

test('a model stays on the engine it was opened on', async () => {
  const native = await Embedder.fromPretrained(tiny);
  const alone = values(await native.encode(texts));
  await useEngine({ backend: 'cpu' });
  const cpu = await Embedder.fromPretrained(tiny);
  const onCpu = values(await cpu.encode(texts));
  expect(onCpu).not.toEqual(alone);
  const [first, second] = await Promise.all([native.encode(texts, { batchSize: 1 }), cpu.encode(texts)]);
  expect(values(second)).toEqual(onCpu);
  expect(values(first)).toEqual(values(await native.encode(texts, { batchSize: 1 })));
  expect(values(await native.encode(texts))).toEqual(alone);
  expect([native.engine, cpu.engine, tf.getBackend()]).toEqual(['native', 'cpu', 'cpu']);
});
