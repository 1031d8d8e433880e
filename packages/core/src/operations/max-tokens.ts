/** Token states to one vector a text: the largest value of each. B texts, T tokens in all, H values. */

import * as tf from '@tensorflow/tfjs-core';

import { lengthsOf, type TokenBatch } from '../tokenizer/token-batch.ts';
import { differentiable, hasKernel, runKernel } from './differentiable.ts';

/**
 *   y[b,h] = max_{t of text b} x[t,h]
 *
 * sentence-transformers' pooling `max`; the gradient goes to the token that has the largest value.
 *
 * @param x float32 [T, H]
 * @returns float32 [B, H]
 */
export function maxTokens(x: tf.Tensor2D, batch: TokenBatch): tf.Tensor2D {
  return tf.tidy(() => {
    const [T, H] = x.shape;
    if (!hasKernel('MaxTokens')) {
      const states = lengthsOf(batch).map((length, b) => tf.slice(x, [batch.offsets[b] as number, 0], [length, H]));
      return tf.stack(states.map((own) => tf.max(own, 0))) as tf.Tensor2D;
    }
    const offsets = tf.tensor1d(batch.offsets, 'int32');
    return differentiable(
      { x },
      (save) => {
        const [y, tokens] = runKernel<tf.Tensor[]>('MaxTokens', { x, offsets }) as [tf.Tensor, tf.Tensor];
        save([tokens]);
        return y;
      },
      (dy, saved) => ({ x: () => runKernel('MaxTokensGrad', { dy, tokens: saved[0] as tf.Tensor }, { T }) }),
    ) as tf.Tensor2D;
  });
}
