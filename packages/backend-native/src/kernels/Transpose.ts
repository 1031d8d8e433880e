/** Any permutation of up to four axes of a float tensor: native/kernels/Transpose.cc. */

import * as tf from '@tensorflow/tfjs-core';

import type { NativeBackend } from '../backend.ts';
import { defineKernel } from '../define-kernel.ts';

const AXES = 4;

export const transpose = defineKernel<{ x: tf.TensorInfo }, { perm: number[] }>(
  tf.Transpose,
  ({ x }, { perm }, backend) => (x.dtype === 'float32' ? permuted(x, perm, backend) : undefined),
);

/** A new tensor of x's axes in another order; undefined for more axes than the kernel takes. */
export function permuted(x: tf.TensorInfo, perm: number[], backend: NativeBackend): tf.TensorInfo | undefined {
  const rank = x.shape.length;
  if (rank > AXES) return undefined;
  const shape = perm.map((axis) => x.shape[axis] as number);
  const strides = [...tf.util.computeStrides(x.shape), 1].slice(0, rank);
  const leading = Array<number>(AXES - rank);
  const y = backend.empty(shape, backend.elementOf(x));
  backend.binding.Transpose(
    backend.array(x),
    backend.array(y),
    Int32Array.from([...leading.fill(1), ...shape]),
    Int32Array.from([...leading.fill(0), ...perm.map((axis) => strides[axis] as number)]),
  );
  return y;
}
