/** Root-mean-square normalization and its gradient: native/kernels/RmsNorm.cc, RmsNormGrad.cc. R rows of H. */

import type * as tf from '@tensorflow/tfjs-core';

import { defineKernel } from '../define-kernel.ts';

/** → y [R, H], inverse float32 [R]. */
export const rmsNorm = defineKernel<{ x: tf.TensorInfo; weight: tf.TensorInfo }, { eps: number }>(
  'RmsNorm',
  ({ x, weight }, { eps }, backend) => {
    const y = backend.empty(x.shape, backend.elementOf(x));
    const inverse = backend.empty([x.shape[0] as number]);
    backend.binding.RmsNorm(backend.array(x), backend.f32(weight), eps, backend.array(y), backend.f32(inverse));
    return [y, inverse];
  },
);

interface GradInputs {
  dy: tf.TensorInfo;
  x: tf.TensorInfo;
  weight: tf.TensorInfo;
  inverse: tf.TensorInfo;
}

/** → the gradient by x [R, H], by weight float32 [H]. */
export const rmsNormGrad = defineKernel<GradInputs>(
  'RmsNormGrad',
  ({ dy, x, weight, inverse }, _attributes, backend) => {
    const element = backend.elementOf(x);
    const dx = backend.empty(x.shape, element);
    const dWeight = backend.empty(weight.shape);
    backend.binding.RmsNormGrad(
      ...([backend.as(dy, element), backend.array(x), backend.f32(weight), backend.f32(inverse)] as const),
      ...([backend.array(dx), backend.f32(dWeight)] as const),
    );
    return [dx, dWeight];
  },
);
