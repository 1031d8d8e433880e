/** Losses from a teacher's scores and from classes against fixtures/supervised-losses/generate.py. */

import { readFileSync } from 'node:fs';

import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { useEngine } from '../engine/engine.ts';
import { type ScoreLossOptions, scoreDistillationLoss } from './distillation.ts';
import { labeledLoss } from './labeled.ts';

const golden = JSON.parse(
  readFileSync(new URL('../../../../fixtures/supervised-losses/expected.json', import.meta.url), 'utf8'),
);
const { temperature, teacherTemperature, classes, scores } = golden;

type Loss = (...embeddings: tf.Tensor2D[]) => tf.Scalar;

/** Columns of candidates, four rows each, the positives first. */
const distilled =
  (options: ScoreLossOptions): Loss =>
  (texts, ...columns) => {
    const owners = columns.flatMap(() => [0, 1, 2, 3]);
    const own = columns.flatMap((_, column) => scores.map((row: number[]) => row[column]));
    return scoreDistillationLoss(texts as tf.Tensor2D, tf.concat(columns, 0), { scores: own, owners }, options);
  };

const losses: Record<string, [inputs: string[], loss: Loss]> = {
  // its KL divergence times temperature²
  'kl of sentence-transformers': [
    ['a', 'b', 'c', 'd'],
    (...x) => tf.mul(distilled({ temperature, teacherTemperature })(...x), temperature ** 2) as tf.Scalar,
  ],
  // a cross-entropy: the divergence and the teacher's entropy
  'kl of FlagEmbedding': [
    ['a', 'b', 'c', 'd'],
    (...x) => tf.add(distilled({ temperature })(...x), golden.teacherEntropy) as tf.Scalar,
  ],
  'margin_mse, one negative': [['a', 'b', 'c'], distilled({ type: 'margin_mse' })],
  'margin_mse, two negatives': [['a', 'b', 'c', 'd'], distilled({ type: 'margin_mse' })],
  batch_all_triplet: [['x'], (x) => labeledLoss(x as tf.Tensor2D, classes, { type: 'batch_all_triplet' })],
  'batch_all_triplet, some easy': [
    ['near'],
    (x) => labeledLoss(x as tf.Tensor2D, classes, { type: 'batch_all_triplet', margin: 0.1 }),
  ],
  supcon: [['x'], (x) => labeledLoss(x as tf.Tensor2D, classes)],
  'supcon, temperature 0.5': [['x'], (x) => labeledLoss(x as tf.Tensor2D, classes, { temperature: 0.5 })],
};

/** |actual − expected| <= 1e-5·max(1, |expected|) at every value. */
function expectClose(actual: ArrayLike<number>, expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  const worst = expected.map((value, i) => Math.abs((actual[i] as number) - value) / Math.max(1, Math.abs(value)));
  expect(Math.max(...worst)).toBeLessThan(1e-5);
}

describe.each(['native', 'cpu'] as const)('on %s, in value and gradient', (backend) => {
  beforeAll(async () => {
    await useEngine({ backend });
  });

  test('every golden has its loss', () => {
    expect(Object.keys(losses).sort()).toEqual(Object.keys(golden.cases).sort());
  });

  test.each(Object.entries(losses))('%s', async (name, [names, loss]) => {
    const inputs = names.map((input) => tf.tensor2d(golden.inputs[input]));
    const run = () => tf.valueAndGrads(loss as (...x: tf.Tensor[]) => tf.Tensor)(inputs);
    const { value, grads } = run();
    expectClose(await value.data(), [golden.cases[name].loss]);
    for (const [i, gradient] of grads.entries()) {
      expectClose(await gradient.data(), golden.cases[name].gradients[i].flat());
    }
    tf.dispose([value, ...grads]);
    const before = tf.memory().numTensors;
    const again = run();
    tf.dispose([again.value, ...again.grads]);
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose(inputs);
  });

  test('records without negatives, and classes of one text, teach nothing and break nothing', async () => {
    const one = tf.tensor2d([[1, 2]]);
    const teacher = { scores: [3], owners: [0] };
    for (const type of ['kl', 'margin_mse'] as const) {
      expectClose(await scoreDistillationLoss(one, one, teacher, { type }).data(), [0]);
    }
    expectClose(await labeledLoss(tf.tensor2d([1, 0, 0, 1], [2, 2]), [0, 1]).data(), [0]);
    const same = tf.tensor2d([1, 0, 1, 0, 0, 1], [3, 2]); // two texts embedded alike
    const [gradient] = tf.grads((x) => labeledLoss(x as tf.Tensor2D, [0, 0, 1], { type: 'batch_all_triplet' }))([same]);
    expect([...(await (gradient as tf.Tensor).data())].every(Number.isFinite)).toBe(true);
  });
});
