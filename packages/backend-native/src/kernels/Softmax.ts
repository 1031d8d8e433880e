/** Softmax over the last axis: native/kernels/Softmax.cc. */

import * as tf from '@tensorflow/tfjs-core';

import { defineKernel } from '../define-kernel.ts';

export const softmax = defineKernel<{ logits: tf.TensorInfo }, { dim: number }>(
  tf.Softmax,
  ({ logits }, { dim }, backend) => {
    const { shape } = logits;
    const C = shape.at(-1) ?? 0;
    if (logits.dtype !== 'float32' || C === 0 || (dim !== -1 && dim !== shape.length - 1)) return undefined;
    const y = backend.empty(shape, backend.elementOf(logits));
    backend.binding.Softmax(backend.array(logits), backend.array(y), C);
    return y;
  },
);
