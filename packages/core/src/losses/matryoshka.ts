/** Matryoshka: a loss over the first values of the embeddings, so that shorter ones are of use (arXiv 2205.13147). */

import * as tf from '@tensorflow/tfjs-core';

import { CALLBACK, COUNT } from '@uniem/hub/arguments';

import { POSITIVE, requireKind, requireList } from '../arguments.ts';
import { OptionError } from '../errors.ts';
import { normalize } from '../operations/similarity.ts';
import { MATRIX } from '../tensor-arguments.ts';

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
  requireKind(embeddings, MATRIX, 'embeddings');
  requireList(dims, COUNT, 'dims');
  if (dims.length === 0) throw new OptionError('names no length', 'dims', 'give at least one');
  if (weights !== undefined) requireList(weights, POSITIVE, 'weights');
  if (weights && weights.length !== dims.length) {
    throw new OptionError(`are ${weights.length} for ${dims.length} dims`, 'weights', 'give one for each');
  }
  requireKind(loss, CALLBACK, 'loss');
  const most = Math.max(...dims);
  if (most > embeddings.shape[1]) {
    throw new OptionError(`${most} of embeddings of ${embeddings.shape[1]} values`, 'dims', 'give lengths within them');
  }
  return tf.tidy(() => {
    const losses = dims.map((dim, i) => {
      const first = normalize(tf.slice(embeddings, [0, 0], [-1, dim]));
      return tf.mul(loss(first, dim), weights?.[i] ?? 1);
    });
    return tf.addN(losses) as tf.Scalar;
  });
}
