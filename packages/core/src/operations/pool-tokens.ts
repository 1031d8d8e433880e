/** Token states to one vector a text by a weight each. B texts, T tokens in all, H values. */

import * as tf from '@tensorflow/tfjs-core';

import { lengthsOf, type TokenBatch } from '../tokenizer/token-batch.ts';
import { differentiable, hasKernel, runKernel } from './differentiable.ts';
import { currentPrecision } from './precision.ts';

/**
 *   y[b] = Σ_{t of text b} weights[t]·x[t]        tokens of weight 0 are not read
 *
 * @param x float32 [T, H]
 * @param weights [T]
 * @returns float32 [B, H]
 */
export function poolTokens(x: tf.Tensor2D, weights: Float32Array, batch: TokenBatch): tf.Tensor2D {
  return tf.tidy(() => {
    if (!hasKernel('PoolTokens')) return tf.matMul(spread(weights, batch), x);
    const precision = currentPrecision();
    const description = { weights: tf.tensor1d(weights), offsets: tf.tensor1d(batch.offsets, 'int32') };
    return differentiable(
      { x },
      (save) => {
        save([description.weights, description.offsets]);
        return runKernel('PoolTokens', { x, ...description });
      },
      (dy, saved) => {
        const [weights, offsets] = saved as [tf.Tensor, tf.Tensor];
        return { x: () => runKernel('PoolTokensGrad', { dy, weights, offsets }, { precision }) };
      },
    ) as tf.Tensor2D;
  });
}

/** float32 [B, T], zero outside the text: one small matrix product pools, and its gradient is one too. */
function spread(weights: Float32Array, batch: TokenBatch): tf.Tensor2D {
  const B = lengthsOf(batch).length;
  const T = weights.length;
  const matrix = new Float32Array(B * T);
  for (let b = 0; b < B; b++) {
    const [start, end] = [batch.offsets[b] as number, batch.offsets[b + 1] as number];
    matrix.set(weights.subarray(start, end), b * T + start);
  }
  return tf.tensor2d(matrix, [B, T]);
}
