/** Cross-entropy of every row of scores against its own column. N rows. */

import * as tf from '@tensorflow/tfjs-core';

import { differentiable, hasKernel, runKernel } from './differentiable.ts';

/**
 *   L = mean_i (log Σ_j exp(s_ij) − s_ii)
 *
 * @param scores float32 [N, N]
 * @returns Scalar.
 */
export function inBatchSoftmax(scores: tf.Tensor2D): tf.Scalar {
  if (!hasKernel('InBatchSoftmax')) {
    return tf.tidy(() => {
      const own = tf.sum(tf.mul(scores, tf.eye(scores.shape[0])), 1); // [N]
      return tf.mean(tf.sub(tf.logSumExp(scores, 1), own)) as tf.Scalar;
    });
  }
  return differentiable(
    { scores },
    (save) => {
      const [loss, dScores] = runKernel<tf.Tensor[]>('InBatchSoftmax', { scores }) as [tf.Tensor, tf.Tensor];
      save([dScores]);
      return loss;
    },
    (dy, saved) => ({ scores: () => tf.mul(dy, saved[0] as tf.Tensor) }),
  ) as tf.Scalar;
}
