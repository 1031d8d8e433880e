/** CoSent of N scored pairs and its gradient by the scores: native/kernels/CoSent.cc. */

import type * as tf from '@tensorflow/tfjs-core';

import { defineKernel } from '../define-kernel.ts';

/** scores float32 [N], labels float32 [N] → loss float32 [], dscores float32 [N]. */
export const coSent = defineKernel<{ scores: tf.TensorInfo; labels: tf.TensorInfo }>(
  'CoSent',
  ({ scores, labels }, _attributes, backend) => {
    const loss = backend.empty([]);
    const dScores = backend.empty(scores.shape);
    backend.binding.CoSent(backend.f32(scores), backend.f32(labels), backend.f32(loss), backend.f32(dScores));
    return [loss, dScores];
  },
);
