/** What relative positions add to attention's scores, T5's way. L tokens of the longest text, A heads. */

import * as tf from '@tensorflow/tfjs-core';

import { longestOf, type TokenBatch } from '../tokenizer/token-batch.ts';
import { hasKernel, runKernel } from './differentiable.ts';
import { embedding } from './embedding.ts';

/**
 *   bias[a,i,j] = table[bucket(j − i), a]
 *
 * Half of the buckets are of later keys. Of each half, a half is of one distance each; the rest widen up to `farthest`.
 * Source: arXiv 1910.10683, section 2.1; transformers models/t5/modeling_t5.py, T5Attention.
 *
 * @param table float32 [buckets or more, A]
 * @param farthest The distance from which all are alike.
 * @returns float32 [A, L, L]
 */
export function relativeBias(table: tf.Tensor2D, batch: TokenBatch, buckets: number, farthest: number): tf.Tensor3D {
  return tf.tidy(() => {
    const half = Math.floor(buckets / 2);
    if (hasKernel('RelativeBias')) {
      const rows = Int32Array.from({ length: 2 * farthest + 1 }, (_, i) => bucketOf(i - farthest, half, farthest));
      return runKernel('RelativeBias', { table }, { rows }); // rows of the distances −farthest … farthest
    }
    const L = longestOf(batch);
    const A = table.shape[1];
    const indices = new Int32Array(L * L);
    for (let i = 0; i < L; i++) {
      for (let j = 0; j < L; j++) indices[i * L + j] = bucketOf(j - i, half, farthest);
    }
    return tf.transpose(tf.reshape(embedding(table, indices), [L, L, A]), [2, 0, 1]) as tf.Tensor3D;
  });
}

/** @param half Buckets of one direction. */
function bucketOf(relative: number, half: number, farthest: number): number {
  const direction = relative > 0 ? half : 0;
  const distance = Math.abs(relative);
  const exact = Math.floor(half / 2);
  if (distance < exact) return direction + distance;
  const wider = Math.floor((Math.log(distance / exact) / Math.log(farthest / exact)) * (half - exact));
  return direction + Math.min(half - 1, exact + wider);
}
