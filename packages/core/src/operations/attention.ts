/**
 * Softmax attention inside each text of a packed batch.
 * B texts, T tokens in all, L tokens of the longest text, A heads, D head size, H = A·D.
 */

import * as tf from '@tensorflow/tfjs';

import type { TokenBatch } from '../token-batch.ts';
import { lengthsOf } from '../token-batch.ts';
import { differentiable, hasKernel, runKernel } from './differentiable.ts';
import { type DropoutState, dropout, nextDropoutKey } from './dropout.ts';

/** Where each text's tokens are; made once a batch and used by every layer. */
export interface AttentionPlan {
  /** int32 [B + 1] */
  offsets: tf.Tensor1D;
  /** For engines without a packed attention kernel. */
  padding: PaddingPlan | undefined;
}

/** Where each token stands in a padded [B, L] grid. */
interface PaddingPlan {
  B: number;
  L: number;
  /** int32 [B·L]: the packed row of each grid cell; empty cells point at row T, a row of zeros. */
  toPadded: tf.Tensor1D;
  /** int32 [T]: the grid cell of each packed row. */
  toPacked: tf.Tensor1D;
  /** float32 [B, 1, 1, L]: 0 at tokens, −1e9 at empty cells; undefined when nothing is empty. */
  bias: tf.Tensor4D | undefined;
}

const MASKED = -1e9; // finite, so that float32 softmax gives exact zeros and no NaN

/** The plan's tensors belong to the tidy it is made in. */
export function planAttention(batch: TokenBatch): AttentionPlan {
  return {
    offsets: tf.tensor1d(batch.offsets, 'int32'),
    padding: hasKernel('Attention') ? undefined : planPadding(batch),
  };
}

function planPadding(batch: TokenBatch): PaddingPlan {
  const lengths = lengthsOf(batch);
  const B = lengths.length;
  const T = batch.inputIds.length;
  const L = Math.max(...lengths);
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

/**
 *   out[b] = softmax(q[b]·k[b]ᵀ / √D)·v[b], per head
 *
 * @param q float32 [T, H]
 * @param k float32 [T, H]
 * @param v float32 [T, H]
 * @returns float32 [T, H]
 */
export function attention(
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  heads: number,
  plan: AttentionPlan,
  probability: number,
  state: DropoutState | undefined,
): tf.Tensor2D {
  if (!plan.padding) return packedAttention(q, k, v, heads, plan.offsets, probability, state);
  return paddedAttention(q, k, v, heads, plan.padding, probability, state);
}

function packedAttention(
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  heads: number,
  offsets: tf.Tensor1D,
  probability: number,
  state: DropoutState | undefined,
): tf.Tensor2D {
  const dropped = state !== undefined && probability > 0;
  const attributes = {
    heads,
    kvHeads: heads,
    scale: 1 / Math.sqrt(q.shape[1] / heads),
    causal: false,
    window: 0,
    dropoutKey: dropped ? nextDropoutKey(state) : 0,
    dropoutProbability: dropped ? probability : 0,
  };
  return differentiable(
    { q, k, v },
    (save) => {
      const [out, lse] = runKernel<tf.Tensor[]>('Attention', { q, k, v, offsets }, attributes) as [
        tf.Tensor,
        tf.Tensor,
      ];
      save([q, k, v, lse, offsets]);
      return out;
    },
    (dout, saved) => {
      const [q, k, v, lse, offsets] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      const inputs = { dout, q, k, v, lse, offsets };
      const [dq, dk, dv] = runKernel<tf.Tensor[]>('AttentionGrad', inputs, attributes) as [
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
      ];
      return { q: () => dq.clone(), k: () => dk.clone(), v: () => dv.clone() };
    },
  ) as tf.Tensor2D;
}

/** What attention means, in plain TF.js operations: pads inside itself and unpads after. */
function paddedAttention(
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  heads: number,
  plan: PaddingPlan,
  probability: number,
  state: DropoutState | undefined,
): tf.Tensor2D {
  return tf.tidy(() => {
    const { B, L } = plan;
    const H = q.shape[1];
    const split = (x: tf.Tensor2D) =>
      tf.transpose(tf.reshape(pad(x, plan), [B, L, heads, H / heads]), [0, 2, 1, 3]) as tf.Tensor4D; // [B, A, L, D]
    const logits = tf.mul(tf.matMul(split(q), split(k), false, true), 1 / Math.sqrt(H / heads)); // [B, A, L, L]
    const weights = tf.softmax(plan.bias ? tf.add(logits, plan.bias) : logits);
    const context = tf.matMul(dropout(weights, probability, state), split(v)); // [B, A, L, D]
    return unpad(tf.reshape(tf.transpose(context, [0, 2, 1, 3]), [B * L, H]), plan);
  });
}

/** [T, H] → [B·L, H], zeros at empty cells. Its gradient is the opposite gather: no scatter, no atomic adds. */
function pad(x: tf.Tensor2D, plan: PaddingPlan): tf.Tensor2D {
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
function unpad(x: tf.Tensor2D, plan: PaddingPlan): tf.Tensor2D {
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
function withZeroRow(x: tf.Tensor2D): tf.Tensor2D {
  return tf.concat([x, tf.zeros([1, x.shape[1]])], 0);
}
