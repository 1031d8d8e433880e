/** Tensors scaled down to a global norm: native/kernels/Norm.cc, Binary.cc. */

import type * as tf from '@tensorflow/tfjs-core';

import { defineKernel } from '../define-kernel.ts';
import { scaled } from './Binary.ts';

/** float32 tensors → their norm float32 [], and each times min(1, maxNorm / (norm + eps)). */
export const clipGradNorm = defineKernel<tf.TensorInfo[], { maxNorm: number; eps: number }>(
  'ClipGradNorm',
  (inputs, { maxNorm, eps }, backend) => {
    const tensors = Object.values(inputs);
    const norms = new Float32Array(tensors.length);
    tensors.forEach((tensor, i) => {
      backend.binding.Norm(backend.array(tensor), norms, i);
    });
    const norm = Math.fround(Math.sqrt(norms.reduce((sum, one) => sum + one * one, 0)));
    const factor = Math.min(1, maxNorm / (norm + eps));
    const total = backend.empty([]);
    backend.f32(total)[0] = norm;
    return [total, ...tensors.map((tensor) => (factor === 1 ? backend.same(tensor) : scaled(tensor, factor, backend)))];
  },
);
