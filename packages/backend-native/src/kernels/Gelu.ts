/** gelu by erf and its gradient: native/kernels/Gelu.cc, GeluGrad.cc. */

import type * as tf from '@tensorflow/tfjs-core';

import { defineKernel } from '../define-kernel.ts';

export const gelu = defineKernel<{ x: tf.TensorInfo }>('Gelu', ({ x }, _attributes, backend) => {
  const y = backend.empty(x.shape, backend.elementOf(x));
  backend.binding.Gelu(backend.array(x), backend.array(y));
  return y;
});

export const geluGrad = defineKernel<{ dy: tf.TensorInfo; x: tf.TensorInfo }>(
  'GeluGrad',
  ({ dy, x }, _attributes, backend) => {
    const element = backend.elementOf(x);
    const dx = backend.empty(x.shape, element);
    backend.binding.GeluGrad(backend.as(dy, element), backend.array(x), backend.array(dx));
    return dx;
  },
);
