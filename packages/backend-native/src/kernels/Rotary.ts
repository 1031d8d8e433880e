/** Rotary positions: native/kernels/Rotary.cc. The gradient is the same kernel with the sign turned. */

import type * as tf from '@tensorflow/tfjs-core';

import { defineKernel } from '../define-kernel.ts';

interface Inputs {
  /** [T, heads·D] */
  x: tf.TensorInfo;
  /** float32 [T, 1, R / 2] */
  cos: tf.TensorInfo;
  /** float32 [T, 1, R / 2] */
  sin: tf.TensorInfo;
}

interface Attributes {
  heads: number;
  /** Pairs are neighbours, else the halves of the first R values. */
  neighbours: boolean;
  /** 1, or −1 for the gradient. */
  sign: number;
}

export const rotary = defineKernel<Inputs, Attributes>(
  'Rotary',
  ({ x, cos, sin }, { heads, neighbours, sign }, backend) => {
    const y = backend.empty(x.shape, backend.elementOf(x));
    backend.binding.Rotary(
      ...([backend.array(x), backend.array(y), backend.f32(cos), backend.f32(sin)] as const),
      ...([heads, Number(neighbours), sign, x.shape[0] as number] as const),
    );
    return y;
  },
);
