/** Against fixtures/tiny-bert/generate.py (transformers, torch). */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { Embedder } from '../embedder/embedder.ts';
import { useEngine } from '../engine/engine.ts';
import { coSentLoss, pairLoss, tripletLoss } from '../losses/criteria.ts';
import { IN_BATCH_LOSS_TYPES } from '../names.ts';
import { familyOf } from './index.ts';

const fixtures = new URL('../../../../fixtures/tiny-bert/', import.meta.url);
const golden = (name: string) => JSON.parse(readFileSync(new URL(name, fixtures), 'utf8'));
const folder = fileURLToPath(new URL('model', fixtures));

/** Asserts |actual − expected| <= tolerance·max(1, |expected|) at every value. */
function expectClose(actual: ArrayLike<number>, expected: number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, i) => {
    const error = Math.abs((actual[i] as number) - value);
    if (!(error <= tolerance * Math.max(1, Math.abs(value)))) expect.fail(`[${i}]: ${actual[i]}, expected ${value}`);
  });
}

describe.each(['native', 'tensorflow', 'wasm'] as const)('on %s', (backend) => {
  beforeAll(async () => {
    await useEngine({ backend });
  });

  describe('a tiny BERT agrees with transformers', () => {
    const expected = golden('expected.json');

    test('token ids, of vocab.txt alone', async () => {
      const { tokenizer } = await Embedder.fromPretrained(folder);
      expect(expected.texts.map((text: string) => [...tokenizer.encode(text, 64)])).toEqual(expected.inputIds);
    });

    test('last hidden state, packed', async () => {
      const { config, parameters, tokenizer } = await Embedder.fromPretrained(folder);
      const batch = tokenizer.encodeBatch(expected.texts, 64);
      const last = tf.tidy(
        () => familyOf(config).forward(config, { parameters, batch, state: undefined, checkpointing: false }).last,
      );
      expectClose(await last.data(), expected.lastHiddenState.flat(2), 1e-5);
    });

    test.each(Object.keys(expected.poolings) as PoolingStrategy[])('pooling %s', async (poolingStrategy) => {
      const embedder = await Embedder.fromPretrained(folder, { poolingStrategy });
      const vectors = await embedder.encode(expected.texts, { batchSize: 4 });
      expectClose(
        vectors.flatMap((vector) => [...vector]),
        expected.poolings[poolingStrategy].flat(),
        1e-5,
      );
    });

    test('one text at a time gives what a batch gives', async () => {
      const embedder = await Embedder.fromPretrained(folder);
      const together = await embedder.encode(expected.texts, { batchSize: 8 });
      const apart = await embedder.encode(expected.texts, { batchSize: 1 });
      together.forEach((vector, i) => {
        expectClose(vector, [...(apart[i] as Float32Array)], 1e-5);
      });
    });
  });

  describe('criteria agree with torch in value and gradient', () => {
    const { inputs, labels, cases } = golden('criteria.json');
    const [a, b, c] = inputs.map((rows: number[][]) => () => tf.tensor2d(rows)) as [
      () => tf.Tensor2D,
      () => tf.Tensor2D,
      () => tf.Tensor2D,
    ];
    type Loss = (...embeddings: tf.Tensor2D[]) => tf.Scalar;
    const losses: Record<string, Loss> = {
      'cosent scored': (x, y) => coSentLoss(x as tf.Tensor2D, y as tf.Tensor2D, tf.tensor1d(labels)),
    };
    for (const type of IN_BATCH_LOSS_TYPES) {
      losses[`pair ${type}`] = (x, y) => pairLoss(x as tf.Tensor2D, y as tf.Tensor2D, { type });
      for (const swap of [false, true]) {
        losses[`triplet ${type}${swap ? ' swap' : ''}`] = (x, y, z) =>
          tripletLoss(x as tf.Tensor2D, y as tf.Tensor2D, z as tf.Tensor2D, { type, swap });
      }
    }

    test.each(Object.keys(cases))('%s', async (name) => {
      const { loss, gradients } = cases[name];
      const args = [a(), b(), c()].slice(0, gradients.length);
      const result = tf.valueAndGrads(losses[name] as (...x: tf.Tensor[]) => tf.Tensor)(args);
      expectClose(await result.value.data(), [loss], 1e-5);
      for (const [i, gradient] of result.grads.entries()) expectClose(await gradient.data(), gradients[i].flat(), 1e-4);
    });
  });
});
