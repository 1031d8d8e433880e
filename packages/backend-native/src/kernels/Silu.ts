/** x·σ(x) and its gradient: native/kernels/Silu.cc. */

import type * as tf from '@tensorflow/tfjs-core';

import { defineKernel } from '../define-kernel.ts';

export const silu = defineKernel<{ x: tf.TensorInfo }>('Silu', ({ x }, _attributes, backend) => {
  const y = backend.empty(x.shape, backend.elementOf(x));
  backend.binding.Silu(backend.array(x), backend.array(y), null);
  return y;
});

export const siluGrad = defineKernel<{ dy: tf.TensorInfo; x: tf.TensorInfo }>(
  'SiluGrad',
  ({ dy, x }, _attributes, backend) => {
    const element = backend.elementOf(x);
    const dx = backend.empty(x.shape, element);
    backend.binding.Silu(backend.array(x), backend.array(dx), backend.as(dy, element));
    return dx;
  },
);
