/** What the tests of kernels share: the same computation on the native engine and on TF.js's cpu engine. */

import * as tf from '@tensorflow/tfjs-core';

import '../../core/generated/tfjs-gradients.js'; // of TF.js's kernels, as @uniem/core registers them
import { expect } from 'vitest';

/** Values of one run, an array a result. */
async function on(backend: string, run: () => tf.Tensor[]): Promise<Float32Array[]> {
  await tf.setBackend(backend);
  const results = tf.tidy(run);
  const values = await Promise.all(results.map(async (tensor) => (await tensor.data()) as Float32Array));
  tf.dispose(results);
  return values;
}

/** Asserts |native − cpu| <= tolerance·max(1, |cpu|) at every value, NaN where cpu has NaN. */
export async function expectSame(run: () => tf.Tensor[], tolerance: number): Promise<void> {
  const [native, cpu] = [await on('native', run), await on('cpu', run)];
  expect(native.map(({ length }) => length)).toEqual(cpu.map(({ length }) => length));
  native.forEach((values, k) => {
    const expected = cpu[k] as Float32Array;
    values.forEach((value, i) => {
      const other = expected[i] as number;
      if (Object.is(value, other) || (Number.isNaN(value) && Number.isNaN(other))) return;
      const error = Math.abs(value - other);
      if (!(error <= tolerance * Math.max(1, Math.abs(other)))) expect.fail(`[${k}][${i}]: ${value}, cpu ${other}`);
    });
  });
}

/** Ordinary numbers about −3 … 3, told apart by seed. */
export const wave = (shape: number[], seed = 1) =>
  tf.tensor(
    Float32Array.from({ length: tf.util.sizeFromShape(shape) }, (_, i) => Math.sin(i * 1.7 + seed) * 3),
    shape,
  );
