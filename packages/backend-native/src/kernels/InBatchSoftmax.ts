/** Cross-entropy of every row of scores against its own column: native/kernels/InBatchSoftmax.cc. */

import type * as tf from '@tensorflow/tfjs-core';

import { defineKernel } from '../define-kernel.ts';

/** scores float32 [N, M], M ≥ N → loss float32 [], dscores float32 [N, M]. */
export const inBatchSoftmax = defineKernel<{ scores: tf.TensorInfo }>(
  'InBatchSoftmax',
  ({ scores }, _attributes, backend) => {
    const loss = backend.empty([]);
    const dScores = backend.empty(scores.shape);
    const N = scores.shape[0] as number;
    backend.binding.InBatchSoftmax(backend.f32(scores), N, backend.f32(loss), backend.f32(dScores));
    return [loss, dScores];
  },
);
