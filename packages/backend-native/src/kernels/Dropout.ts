/** Dropout by a counter: native/kernels/Dropout.cc. Its gradient is the same kernel. */

import type * as tf from '@tensorflow/tfjs-core';

import { defineKernel } from '../define-kernel.ts';

interface Attributes {
  /** uint32 */
  key: number;
  /** In [0, 1). */
  probability: number;
}

export const dropout = defineKernel<{ x: tf.TensorInfo }, Attributes>(
  'Dropout',
  ({ x }, { key, probability }, backend) => {
    const y = backend.empty(x.shape, backend.elementOf(x));
    backend.binding.Dropout(backend.array(x), backend.array(y), key, probability);
    return y;
  },
);
