/** gelu by its tanh approximation and its gradient: native/kernels/GeluTanh.cc. */

import type * as tf from '@tensorflow/tfjs-core';

import { defineKernel } from '../define-kernel.ts';

export const geluTanh = defineKernel<{ x: tf.TensorInfo }>('GeluTanh', ({ x }, _attributes, backend) => {
  const y = backend.empty(x.shape, backend.elementOf(x));
  backend.binding.GeluTanh(backend.array(x), backend.array(y), null);
  return y;
});

export const geluTanhGrad = defineKernel<{ dy: tf.TensorInfo; x: tf.TensorInfo }>(
  'GeluTanhGrad',
  ({ dy, x }, _attributes, backend) => {
    const element = backend.elementOf(x);
    const dx = backend.empty(x.shape, element);
    backend.binding.GeluTanh(backend.array(x), backend.array(dx), backend.as(dy, element));
    return dx;
  },
);
