/** Layer normalization of x + residual, and its gradient: native/kernels/LayerNorm.cc, LayerNormGrad.cc. R rows of H. */

import type * as tf from '@tensorflow/tfjs-core';

import { defineKernel } from '../define-kernel.ts';

interface Inputs {
  x: tf.TensorInfo;
  residual?: tf.TensorInfo;
  weight: tf.TensorInfo;
  bias?: tf.TensorInfo;
}

/** → y [R, H], mean float32 [R], inverse float32 [R], and the sum x + residual [R, H] if there is a residual. */
export const layerNorm = defineKernel<Inputs, { eps: number }>(
  'LayerNorm',
  ({ x, residual, weight, bias }, { eps }, backend) => {
    const R = x.shape[0] as number;
    const element = backend.elementOf(x);
    const y = backend.empty(x.shape, element);
    const sum = residual ? backend.empty(x.shape, element) : undefined;
    const mean = backend.empty([R]);
    const inverse = backend.empty([R]);
    backend.binding.LayerNorm(
      ...([backend.array(x), residual ? backend.as(residual, element) : null] as const),
      ...([backend.f32(weight), bias ? backend.f32(bias) : null, eps, backend.array(y)] as const),
      ...([sum ? backend.array(sum) : null, backend.f32(mean), backend.f32(inverse)] as const),
    );
    return sum ? [y, mean, inverse, sum] : [y, mean, inverse];
  },
);

interface GradInputs {
  dy: tf.TensorInfo;
  sum: tf.TensorInfo;
  weight: tf.TensorInfo;
  mean: tf.TensorInfo;
  inverse: tf.TensorInfo;
}

/** → the gradient by the sum [R, H], by weight float32 [H], by bias float32 [H]. */
export const layerNormGrad = defineKernel<GradInputs>(
  'LayerNormGrad',
  ({ dy, sum, weight, mean, inverse }, _attributes, backend) => {
    const element = backend.elementOf(sum);
    const dSum = backend.empty(sum.shape, element);
    const dWeight = backend.empty(weight.shape);
    const dBias = backend.empty(weight.shape);
    backend.binding.LayerNormGrad(
      ...([backend.as(dy, element), backend.array(sum), backend.f32(weight)] as const),
      ...([backend.f32(mean), backend.f32(inverse), backend.array(dSum)] as const),
      ...([backend.f32(dWeight), backend.f32(dBias)] as const),
    );
    return [dSum, dWeight, dBias];
  },
);
