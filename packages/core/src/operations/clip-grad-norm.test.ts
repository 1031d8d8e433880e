/** Clipping by the global norm: torch's values, on the composite and on the native kernel. */

import { readFileSync } from 'node:fs';

import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';

import { useEngine } from '../engine/engine.ts';
import { clipGradNorm } from './clip-grad-norm.ts';

interface Case {
  maxNorm: number;
  given: tf.TensorLike[];
  norm: number;
  clipped: tf.TensorLike[];
}

/** Made by fixtures/clip/generate.py. */
const { cases } = JSON.parse(
  readFileSync(new URL('../../../../fixtures/clip/expected.json', import.meta.url), 'utf8'),
) as { cases: Case[] };

describe.each(['cpu', 'native'] as const)('on engine %s', (backend) => {
  beforeAll(async () => {
    await useEngine({ backend });
  });

  test.each(cases.map((golden, i) => ({ i, ...golden })))(
    'gives what torch gives: case $i, norm $norm to $maxNorm',
    ({ given, maxNorm, norm, clipped }) => {
      const before = tf.memory().numTensors;
      const actual = clipGradNorm(
        given.map((values) => tf.tensor(values)),
        maxNorm,
      );
      expect(tf.memory().numTensors).toBe(before + clipped.length + 1);
      expect(Math.abs((actual.norm.dataSync()[0] as number) - norm)).toBeLessThanOrEqual(1e-6 * norm);
      actual.clipped.forEach((tensor, i) => {
        const expected = tf.tensor(clipped[i] as tf.TensorLike);
        expect(tensor.shape).toEqual(expected.shape);
        tf.test_util.expectArraysClose(tensor.dataSync(), expected.dataSync(), 1e-6);
      });
    },
  );

  test.each([0, 1, 15, 16, 17, 1009, 200_003])('of %i values beside two more has the norm asked for', (n) => {
    const values = Float32Array.from({ length: n }, (_, i) => Math.sin(i * 1.7) * 3);
    const { clipped, norm } = clipGradNorm([tf.tensor1d(values), tf.scalar(4), tf.ones([2, 3])], 0.5);
    const squares = (tensors: tf.Tensor[]) =>
      tensors.reduce((sum, tensor) => sum + [...tensor.dataSync()].reduce((more, x) => more + x * x, 0), 0);
    const expected = Math.sqrt(values.reduce((sum, x) => sum + x * x, 22));
    expect(Math.abs((norm.dataSync()[0] as number) / expected - 1)).toBeLessThan(1e-6);
    expect(Math.sqrt(squares(clipped))).toBeCloseTo(0.5, 5);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('%f in one gradient shows in the norm, as in torch', (value) => {
    const { clipped, norm } = clipGradNorm([tf.tensor1d([1, value]), tf.tensor1d([2])], 1);
    expect(norm.dataSync()[0]).toBe(value);
    expect(clipped[0]?.dataSync()[1]).toBeNaN();
    expect(clipped[1]?.dataSync()[0]).toBe(Number.isNaN(value) ? value : 0);
  });

  test('of no gradients is 0', () => {
    const { clipped, norm } = clipGradNorm([], 1);
    expect([clipped.length, norm.dataSync()[0]]).toEqual([0, 0]);
  });
});
