/** Matryoshka: a loss over the first values of the embeddings, so that shorter ones are of use (arXiv 2205.13147). */

import * as tf from '@tensorflow/tfjs-core';

import { normalize } from '../operations/similarity.ts';

/**
 *   L = Σ_d w_d · loss(e[:d] / |e[:d]|)        MatryoshkaLoss of sentence-transformers
 *
 * @param embeddings float32 [B, H], of all texts of a batch.
 * @param dims Lengths d, each at most H; H itself only where it is named.
 * @param weights One a length; all 1 if left out.
 * @param loss Of embeddings [B, d].
 * @returns Scalar.
 */
export function matryoshkaLoss(
  embeddings: tf.Tensor2D,
  dims: readonly number[],
  weights: readonly number[] | undefined,
  loss: (embeddings: tf.Tensor2D, dim: number) => tf.Scalar,
): tf.Scalar {
  return tf.tidy(() => {
    const losses = dims.map((dim, i) => {
      const first = normalize(tf.slice(embeddings, [0, 0], [-1, dim]));
      return tf.mul(loss(first, dim), weights?.[i] ?? 1);
    });
    return tf.addN(losses) as tf.Scalar;
  });
}
