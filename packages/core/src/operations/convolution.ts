/** A convolution over the tokens of each text; outside it are zeros. T tokens, I and O values a token, K taps. */

import * as tf from '@tensorflow/tfjs-core';

import { lengthsOf, type TokenBatch } from '../tokenizer/token-batch.ts';
import { hasKernel, runKernel } from './differentiable.ts';
import { linear } from './linear.ts';
import { withZeroRow } from './padding.ts';

/**
 *   y[t] = Σ_k weight[·,·,k]·x[t + k − (K − 1) / 2] + bias
 *
 * @param x float32 [T, I]
 * @param weight float32 [O, I, K], K odd, as torch.nn.Conv1d has it.
 * @param bias float32 [O]
 * @returns float32 [T, O]
 */
export function convolution(x: tf.Tensor2D, weight: tf.Tensor3D, bias: tf.Tensor1D, batch: TokenBatch): tf.Tensor2D {
  return tf.tidy(() => {
    if (hasKernel('Convolution')) return runKernel('Convolution', { x, weight, bias });
    const [O, I, K] = weight.shape;
    const taps = Array.from({ length: K }, (_, k) => shift(x, batch, k - (K - 1) / 2));
    const columns = tf.concat(taps, 1); // [T, K·I]
    return linear(columns, tf.reshape(tf.transpose(weight, [0, 2, 1]), [O, K * I]), bias);
  });
}

/** y[t] = x[t + offset] of the same text, else 0. Its gradient is the opposite shift. */
function shift(x: tf.Tensor2D, batch: TokenBatch, offset: number): tf.Tensor2D {
  if (offset === 0) return x;
  const run = tf.customGrad((...args) => {
    const [x] = args as unknown as [tf.Tensor2D];
    return {
      value: tf.gather(withZeroRow(x), neighbours(batch, offset)),
      gradFunc: (dy) => tf.tidy(() => tf.gather(withZeroRow(dy as tf.Tensor2D), neighbours(batch, -offset))),
    };
  });
  return run(x) as tf.Tensor2D;
}

/** int32 [T]: each token's neighbour `offset` further on; T where its text has none. */
function neighbours(batch: TokenBatch, offset: number): tf.Tensor1D {
  const T = batch.inputIds.length;
  const rows = lengthsOf(batch).flatMap((length, b) =>
    Array.from({ length }, (_, t) =>
      t + offset < 0 || t + offset >= length ? T : (batch.offsets[b] as number) + t + offset,
    ),
  );
  return tf.tensor1d(rows, 'int32');
}
