/** Each text's largest values and their gradient: native/kernels/MaxTokens.cc, MaxTokensGrad.cc. */

import * as tf from '@tensorflow/tfjs-core';

import { defineKernel } from '../define-kernel.ts';

/** x [T, H], offsets int32 [B + 1] → float32 [B, H] and the tokens that have them, int32 [B, H]. */
export const maxTokens = defineKernel<{ x: tf.TensorInfo; offsets: tf.TensorInfo }>(
  'MaxTokens',
  ({ x, offsets }, _attributes, backend) => {
    const H = x.shape[1] as number;
    const shape = [(offsets.shape[0] as number) - 1, H];
    const y = backend.empty(shape);
    const tokens = new Int32Array(tf.util.sizeFromShape(shape));
    backend.binding.MaxTokens(backend.array(x), backend.i32(offsets), H, backend.f32(y), tokens);
    return [y, backend.makeTensorInfo(shape, 'int32', tokens)];
  },
);

/** dy [B, H] → dx float32 [T, H]. */
export const maxTokensGrad = defineKernel<{ dy: tf.TensorInfo; tokens: tf.TensorInfo }, { T: number }>(
  'MaxTokensGrad',
  ({ dy, tokens }, { T }, backend) => {
    const H = dy.shape[1] as number;
    const dx = backend.empty([T, H]);
    backend.binding.MaxTokensGrad(backend.f32(dy), backend.i32(tokens), H, backend.f32(dx));
    return dx;
  },
);
