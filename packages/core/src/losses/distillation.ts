/** Distillation: embeddings towards the vectors that another model gave the same texts. N texts, H hidden units. */

import * as tf from '@tensorflow/tfjs-core';

import { oneOf } from '@uniem/hub/arguments';

import { requireKind } from '../arguments.ts';
import { DISTILLATION_LOSS_TYPES, type DistillationLossType } from '../names.ts';
import { cosineRows } from '../operations/similarity.ts';
import { requireRows } from '../tensor-arguments.ts';

/**
 *   mse      mean of (e − v)² over all N·H values      MSELoss of sentence-transformers
 *   cosine   mean_i (1 − cos(e_i, v_i))                EmbedDistillLoss with distance_metric 'cosine'
 *
 * @param embeddings float32 [N, H]
 * @param vectors float32 [N, H]; row i belongs to embedding i.
 * @returns Scalar.
 */
export function distillationLoss(
  embeddings: tf.Tensor2D,
  vectors: tf.Tensor2D,
  type: DistillationLossType = 'mse',
): tf.Scalar {
  requireRows({ embeddings, vectors });
  requireKind(type, oneOf(...DISTILLATION_LOSS_TYPES), 'type');
  return tf.tidy(() => {
    if (type === 'mse') return tf.mean(tf.square(tf.sub(embeddings, vectors))) as tf.Scalar;
    return tf.sub(1, tf.mean(cosineRows(embeddings, vectors))) as tf.Scalar;
  });
}
