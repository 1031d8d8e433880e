/** The sum under CoSent's logarithm, over scores already divided by the temperature. N pairs. */

import * as tf from '@tensorflow/tfjs-core';

import { differentiable, hasKernel, runKernel } from './differentiable.ts';

/**
 *   L = log(1 + Σ_{label_i > label_j} exp(s_j − s_i))
 *
 * The composite forms all N² differences; the native kernel sorts and needs O(N log N) time and O(N) memory.
 *
 * @param scores float32 [N]
 * @param labels float32 [N]; only their order counts.
 * @returns Scalar.
 */
export function coSent(scores: tf.Tensor1D, labels: tf.Tensor1D): tf.Scalar {
  if (!hasKernel('CoSent')) return composite(scores, labels);
  return differentiable(
    { scores },
    (save) => {
      const [loss, dScores] = runKernel<tf.Tensor[]>('CoSent', { scores, labels }) as [tf.Tensor, tf.Tensor];
      save([dScores]);
      return loss;
    },
    (dy, saved) => ({ scores: () => tf.mul(dy, saved[0] as tf.Tensor) }),
  ) as tf.Scalar;
}

function composite(scores: tf.Tensor1D, labels: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() => {
    const differences = tf.sub(tf.expandDims(scores, 0), tf.expandDims(scores, 1)); // [N, N]: s_j − s_i
    const counted = tf.greater(tf.expandDims(labels, 1), tf.expandDims(labels, 0)); // label_i > label_j
    const masked = tf.where(counted, differences, tf.fill(differences.shape, -1e12));
    return tf.logSumExp(tf.concat([tf.reshape(masked, [-1]), tf.zeros([1])], 0)) as tf.Scalar;
  });
}
