/** Weighted sums of each text's tokens and their gradient: native/kernels/PoolTokens.cc, PoolTokensGrad.cc. */

import type * as tf from '@tensorflow/tfjs-core';

import type { Precision } from '../backend.ts';
import { defineKernel } from '../define-kernel.ts';

interface Inputs {
  /** float32 [T] */
  weights: tf.TensorInfo;
  /** int32 [B + 1] */
  offsets: tf.TensorInfo;
}

/** x [T, H] → float32 [B, H]. */
export const poolTokens = defineKernel<Inputs & { x: tf.TensorInfo }>(
  'PoolTokens',
  ({ x, weights, offsets }, _attributes, backend) => {
    const y = backend.empty([(offsets.shape[0] as number) - 1, x.shape[1] as number]);
    backend.binding.PoolTokens(
      ...([backend.array(x), backend.f32(weights), backend.i32(offsets), x.shape[1] as number] as const),
      backend.f32(y),
    );
    return y;
  },
);

/** dy [B, H] → dx [T, H], kept as the states are. */
export const poolTokensGrad = defineKernel<Inputs & { dy: tf.TensorInfo }, { precision?: Precision }>(
  'PoolTokensGrad',
  ({ dy, weights, offsets }, { precision }, backend) => {
    const H = dy.shape[1] as number;
    const dx = backend.empty([weights.shape[0] as number, H], precision === 'bf16' ? 'bf16' : 'f32');
    backend.binding.PoolTokensGrad(
      ...([backend.f32(dy), backend.f32(weights), backend.i32(offsets), H, backend.array(dx)] as const),
    );
    return dx;
  },
);
