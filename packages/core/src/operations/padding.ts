/** Packed tokens to a padded grid and back. B texts, T tokens in all, L of the longest text, H values a token. */

import * as tf from '@tensorflow/tfjs-core';

import { lengthsOf, longestOf, type TokenBatch } from '../tokenizer/token-batch.ts';

/** Where each token stands in a padded [B, L] grid. */
export interface PaddingPlan {
  B: number;
  L: number;
  /** int32 [B·L]: the packed row of each grid cell; empty cells point at row T, a row of zeros. */
  toPadded: tf.Tensor1D;
  /** int32 [T]: the grid cell of each packed row. */
  toPacked: tf.Tensor1D;
  /** float32 [B, 1, 1, L]: 0 at tokens, −1e9 at empty cells; undefined when nothing is empty. */
  bias: tf.Tensor4D | undefined;
}

/** Added to the score of a key that is not seen: finite, so that float32 softmax gives exact zeros and no NaN. */
export const MASKED = -1e9;

/** The plan's tensors belong to the tidy it is made in. */
export function planPadding(batch: TokenBatch): PaddingPlan {
  const lengths = lengthsOf(batch);
  const B = lengths.length;
  const T = batch.inputIds.length;
  const L = longestOf(batch);
  const toPadded = new Int32Array(B * L).fill(T);
  const toPacked = new Int32Array(T);
  const bias = new Float32Array(B * L).fill(MASKED);
  for (let b = 0; b < B; b++) {
    const start = batch.offsets[b] as number;
    for (let t = 0; t < (lengths[b] as number); t++) {
      toPadded[b * L + t] = start + t;
      toPacked[start + t] = b * L + t;
      bias[b * L + t] = 0;
    }
  }
  return {
    B,
    L,
    toPadded: tf.tensor1d(toPadded, 'int32'),
    toPacked: tf.tensor1d(toPacked, 'int32'),
    bias: B * L === T ? undefined : tf.tensor4d(bias, [B, 1, 1, L]),
  };
}

/** [T, H] → [B·L, H], zeros at empty cells. Its gradient is the opposite gather: no scatter, no atomic adds. */
export function pad(x: tf.Tensor2D, plan: PaddingPlan): tf.Tensor2D {
  if (!plan.bias) return x;
  const run = tf.customGrad((...args) => {
    const [x, save] = args as unknown as [tf.Tensor2D, tf.GradSaveFunc];
    save([plan.toPacked]); // the plan itself is gone when the gradient runs
    return {
      value: tf.gather(withZeroRow(x), plan.toPadded),
      gradFunc: (dy, saved) => tf.gather(dy as tf.Tensor2D, saved[0] as tf.Tensor1D),
    };
  });
  return run(x) as tf.Tensor2D;
}

/** [B·L, H] → [T, H]. */
export function unpad(x: tf.Tensor2D, plan: PaddingPlan): tf.Tensor2D {
  if (!plan.bias) return x;
  const run = tf.customGrad((...args) => {
    const [x, save] = args as unknown as [tf.Tensor2D, tf.GradSaveFunc];
    save([plan.toPadded]);
    return {
      value: tf.gather(x, plan.toPacked),
      gradFunc: (dy, saved) => tf.gather(withZeroRow(dy as tf.Tensor2D), saved[0] as tf.Tensor1D),
    };
  });
  return run(x) as tf.Tensor2D;
}

/** The row that empty cells of the grid read. */
export function withZeroRow(x: tf.Tensor2D): tf.Tensor2D {
  return tf.concat([x, tf.zeros([1, x.shape[1]])], 0);
}
