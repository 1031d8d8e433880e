/** Losses over given embeddings against fixtures/losses/generate.py: sentence-transformers 6.2, and torch. */

import { readFileSync } from 'node:fs';

import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { useEngine } from '../engine/engine.ts';
import { IN_BATCH_LOSS_TYPES } from '../names.ts';
import { coSentLoss, pairLoss, tripletLoss } from './criteria.ts';
import { distillationLoss } from './distillation.ts';
import { matryoshkaLoss } from './matryoshka.ts';

const golden = JSON.parse(readFileSync(new URL('../../../../fixtures/losses/expected.json', import.meta.url), 'utf8'));
const { dims, weights } = golden;

type Loss = (...embeddings: tf.Tensor2D[]) => tf.Scalar;
type Input = 'a' | 'b' | 'c' | 'd' | 'several';
const input = (name: Input | 'vectors') => tf.tensor2d(golden.inputs[name]);

/** The masks of the golden's texts, told apart from finetuner's own. */
function alike(texts: string[], partners: string[], candidates: string[]): tf.Tensor2D {
  const known = texts.map((own) => [own, ...partners.filter((_, i) => texts[i] === own)]);
  return tf.tensor2d(known.map((texts) => candidates.map((text) => (texts.includes(text) ? 1 : 0))));
}
const { texts, positives, negatives } = golden;
const toPositive = () => alike(positives, texts, texts);
const toPositives = () => alike(texts, positives, positives);
const toNegatives = () => alike(texts, positives, negatives.flat());

/** A loss of rows stacked, five a part. */
const parts = (loss: Loss) => (embeddings: tf.Tensor2D) =>
  loss(...(tf.split(embeddings, embeddings.shape[0] / 5) as tf.Tensor2D[]));
const matryoshka =
  (loss: Loss): Loss =>
  (...embeddings) =>
    matryoshkaLoss(tf.concat(embeddings, 0), dims, weights, parts(loss));

const all = { inBatchPositives: true };
const losses: Record<string, [Input[], Loss]> = {
  'pair of sentence-transformers': [['a', 'b'], (a, b) => pairLoss(a, b)],
  'pair, symmetric': [['a', 'b'], (a, b) => pairLoss(a, b, { symmetric: true })],
  'triplet, in-batch positives': [['a', 'b', 'c'], (a, b, c) => tripletLoss(a, b, c, all)],
  'triplet, in-batch positives, two negatives': [
    ['a', 'b', 'c', 'd'],
    (a, b, c, d) => tripletLoss(a, b, tf.concat([c, d], 0), all),
  ],
  'triplet, in-batch positives, symmetric': [
    ['a', 'b', 'c'],
    (a, b, c) => tripletLoss(a, b, c, { ...all, symmetric: true }),
  ],
  'matryoshka pair': [['a', 'b'], matryoshka((a, b) => pairLoss(a, b))],
  'matryoshka triplet, in-batch positives': [['a', 'b', 'c'], matryoshka((a, b, c) => tripletLoss(a, b, c, all))],
  'matryoshka scored': [['a', 'b'], matryoshka((a, b) => coSentLoss(a, b, tf.tensor1d(golden.labels)))],
  'matryoshka mse': [
    ['a'],
    (a) =>
      matryoshkaLoss(a, dims, weights, (part, dim) => distillationLoss(part, tf.slice(input('vectors'), 0, [5, dim]))),
  ],
  mse: [['a'], (a) => distillationLoss(a, input('vectors'), 'mse')],
  cosine: [['a'], (a) => distillationLoss(a, input('vectors'), 'cosine')],
};
for (const margin of [0, 0.2, -0.2]) {
  losses[`pair, margin ${margin}`] = [['a', 'b'], (a, b) => pairLoss(a, b, { margin })];
  losses[`triplet, in-batch positives, margin ${margin}`] = [
    ['a', 'b', 'c'],
    (a, b, c) => tripletLoss(a, b, c, { ...all, margin }),
  ];
}
for (const type of IN_BATCH_LOSS_TYPES) {
  const pairs = () => ({ type, ignored: { toText: toPositives(), toPositive: toPositive() } });
  const triplets = () => ({ type, ignored: { toText: toNegatives(), toPositive: toPositive() } });
  const three: Input[] = ['a', 'b', 'several'];
  losses[`triplet ${type}, several negatives`] = [three, (a, b, c) => tripletLoss(a, b, c, { type })];
  losses[`triplet ${type}, several negatives, swap`] = [three, (a, b, c) => tripletLoss(a, b, c, { type, swap: true })];
  losses[`triplet ${type}, same texts masked`] = [three, (a, b, c) => tripletLoss(a, b, c, triplets())];
  losses[`triplet ${type}, in-batch positives, same texts masked`] = [
    three,
    (a, b, c) => {
      const ignored = { toText: tf.concat([toPositives(), toNegatives()], 1), toPositive: toPositive() };
      return tripletLoss(a, b, c, { type, inBatchPositives: true, ignored });
    },
  ];
  losses[`pair ${type}, same texts masked`] = [['a', 'b'], (a, b) => pairLoss(a, b, pairs())];
  losses[`pair ${type}, same texts masked, symmetric`] = [
    ['a', 'b'],
    (a, b) => pairLoss(a, b, { ...pairs(), symmetric: true }),
  ];
}

/** Asserts |actual − expected| <= tolerance·max(1, |expected|) at every value. */
function expectClose(actual: ArrayLike<number>, expected: number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, i) => {
    const error = Math.abs((actual[i] as number) - value);
    if (!(error <= tolerance * Math.max(1, Math.abs(value)))) expect.fail(`[${i}]: ${actual[i]}, expected ${value}`);
  });
}

describe.each(['native', 'cpu'] as const)('on %s, in value and gradient', (backend) => {
  beforeAll(async () => {
    await useEngine({ backend });
  });

  test('every golden has its loss', () => {
    expect(Object.keys(losses).sort()).toEqual(Object.keys(golden.cases).sort());
  });

  test.each(Object.entries(losses))('%s', async (name, [names, loss]) => {
    const expected = golden.cases[name];
    const inputs = names.map(input);
    const run = () => tf.valueAndGrads(loss as (...x: tf.Tensor[]) => tf.Tensor)(inputs);
    const { value, grads } = run();
    expectClose(await value.data(), [expected.loss], 1e-5);
    expect(grads).toHaveLength(expected.gradients.length);
    for (const [i, gradient] of grads.entries()) {
      expectClose(await gradient.data(), expected.gradients[i].flat(), 1e-4);
    }
    const before = tf.memory().numTensors;
    const again = run();
    tf.dispose([again.value, again.grads]);
    expect(tf.memory().numTensors).toBeLessThanOrEqual(before);
  });
});

test('a lone pair has no negative: the loss is 0, and so is its share of a triplet with swap', () => {
  const [a, b] = [tf.tensor2d([[1, 2]]), tf.tensor2d([[2, 1]])];
  expect(pairLoss(a, b, { type: 'sigmoid' }).dataSync()[0]).toBe(0);
  const alone = tripletLoss(a, b, b, { type: 'sigmoid' }).dataSync()[0];
  expect(tripletLoss(a, b, b, { type: 'sigmoid', swap: true }).dataSync()[0]).toBe(alone);
});
