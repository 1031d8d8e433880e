/** Rows of a table by index. V rows of H values, T indices. */

import * as tf from '@tensorflow/tfjs-core';

import { differentiable, hasKernel, runKernel } from './differentiable.ts';

/**
 * @param table float32 [V, H]
 * @param indices [T], each from 0 to V − 1.
 * @returns float32 [T, H]
 */
export function embedding(table: tf.Tensor2D, indices: Int32Array): tf.Tensor2D {
  return tf.tidy(() => {
    const ids = tf.tensor1d(indices, 'int32');
    if (!hasKernel('Embedding')) return tf.gather(table, ids);
    const rows = table.shape[0];
    return differentiable(
      { table },
      (save) => {
        save([ids]);
        return runKernel('Embedding', { table, indices: ids });
      },
      (dy, saved) => ({ table: () => runKernel('EmbeddingGrad', { dy, indices: saved[0] as tf.Tensor }, { rows }) }),
    ) as tf.Tensor2D;
  });
}
