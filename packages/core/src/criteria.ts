/** The losses of uniem's criteria.py. N records of a batch, H hidden units; embeddings need not be normalized. */

import * as tf from '@tensorflow/tfjs';

import { coSent } from './operations/co-sent.ts';
import { inBatchSoftmax } from './operations/in-batch-softmax.ts';
import { cosineMatrix, cosineRows } from './similarity.ts';

export const IN_BATCH_LOSS_TYPES = ['softmax', 'sigmoid', 'cosent'] as const;

/** Which in-batch loss pairs and triplets train with; uniem's names. */
export type InBatchLossType = (typeof IN_BATCH_LOSS_TYPES)[number];

export const DEFAULT_TEMPERATURE = 0.05;

/**
 * In-batch loss of pairs: record i's positive against the other N − 1 positives, s_ij = cos(t_i, p_j) / temperature.
 *
 *   softmax   mean_i −log softmax_j(s_i)[i]      InfoNCE; MultipleNegativesRankingLoss with scale = 1 / temperature
 *   sigmoid   −Σ_{i≠j} log σ(s_ii − s_ij) / (N² − N)
 *   cosent    mean_i log Σ_j exp(s_ij − s_ii)    equal to softmax
 *
 * @param text float32 [N, H]
 * @param positive float32 [N, H]; row i belongs to text i.
 * @returns Scalar.
 */
export function pairLoss(
  text: tf.Tensor2D,
  positive: tf.Tensor2D,
  type: InBatchLossType = 'softmax',
  temperature = DEFAULT_TEMPERATURE,
): tf.Scalar {
  return tf.tidy(() => {
    const N = text.shape[0];
    const scores = tf.div(cosineMatrix(text, positive), temperature) as tf.Tensor2D; // [N, N]
    if (type !== 'sigmoid') return inBatchSoftmax(scores);
    const identity = tf.eye(N);
    const own = tf.sum(tf.mul(scores, identity), 1, true) as tf.Tensor2D; // [N, 1]
    const others = tf.mul(tf.softplus(tf.sub(scores, own)), tf.sub(1, identity)); // −log σ(−x) = softplus(x)
    return tf.div(tf.sum(others), N * N - N) as tf.Scalar;
  });
}

/**
 * In-batch loss of triplets: record i's positive against all N negatives, p_i = cos(t_i, pos_i) / temperature,
 * n_ij = cos(t_i, neg_j) / temperature.
 *
 *   softmax, cosent   mean_i log(1 + Σ_j exp(n_ij − p_i))
 *   sigmoid           mean_ij −log σ(p_i − n_ij)
 *
 * @param swap Adds the pair loss of positives against texts (uniem's add_swap_loss).
 * @returns Scalar.
 */
export function tripletLoss(
  text: tf.Tensor2D,
  positive: tf.Tensor2D,
  negative: tf.Tensor2D,
  type: InBatchLossType = 'softmax',
  temperature = DEFAULT_TEMPERATURE,
  swap = false,
): tf.Scalar {
  return tf.tidy(() => {
    const own = tf.expandDims(tf.div(cosineRows(text, positive), temperature), 1); // [N, 1]
    const differences = tf.sub(tf.div(cosineMatrix(text, negative), temperature), own); // [N, N]
    const loss =
      type === 'sigmoid'
        ? tf.mean(tf.softplus(differences))
        : meanLogSumExp(tf.concat([tf.zerosLike(own), differences], 1));
    return (swap ? tf.add(loss, pairLoss(positive, text, type, temperature)) : loss) as tf.Scalar;
  });
}

/**
 * CoSent: the cosine of a pair with a higher label must be above that of every pair with a lower one.
 *
 *   L = log(1 + Σ_{label_i > label_j} exp((cos_j − cos_i) / temperature))        Source: kexue.fm/archives/8847
 *
 * @param first float32 [N, H]
 * @param second float32 [N, H]
 * @param labels float32 [N]; only their order counts.
 * @returns Scalar.
 */
export function coSentLoss(
  first: tf.Tensor2D,
  second: tf.Tensor2D,
  labels: tf.Tensor1D,
  temperature = DEFAULT_TEMPERATURE,
): tf.Scalar {
  return tf.tidy(() => {
    const scores = tf.div(cosineRows(first, second), temperature) as tf.Tensor1D; // [N]
    return coSent(scores, labels);
  });
}

/** @param x float32 [N, M] */
function meanLogSumExp(x: tf.Tensor): tf.Scalar {
  return tf.mean(tf.logSumExp(x, 1)) as tf.Scalar;
}
