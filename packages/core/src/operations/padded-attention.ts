/**
 * Attention in plain TF.js operations: pads inside itself and unpads after.
 * B texts, T tokens in all, L of the longest text, A heads of D values, KV of them for keys and values.
 */

import * as tf from '@tensorflow/tfjs-core';

import { type DropoutState, dropout } from './dropout.ts';
import { MASKED, type PaddingPlan, pad, unpad } from './padding.ts';

/** AttentionOptions with nothing left out. */
export interface AttentionShape {
  heads: number;
  kvHeads: number;
  scale: number;
  causal: boolean;
  window: number;
  bias: tf.Tensor3D | tf.Tensor4D | undefined;
}

/** What `attention` means. */
export function paddedAttention(
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  shape: AttentionShape,
  plan: PaddingPlan,
  probability: number,
  state: DropoutState | undefined,
): tf.Tensor2D {
  return tf.tidy(() => {
    const { B, L } = plan;
    const weights = paddedWeights(q, k, shape, plan);
    const values = splitHeads(v, shape.kvHeads, shape.heads, plan); // [B, A, L, D]
    const context = tf.matMul(dropout(weights, probability, state), values); // [B, A, L, D]
    return unpad(tf.reshape(tf.transpose(context, [0, 2, 1, 3]), [B * L, q.shape[1]]), plan);
  });
}

/** @returns float32 [B, A, L, L] */
function paddedWeights(q: tf.Tensor2D, k: tf.Tensor2D, shape: AttentionShape, plan: PaddingPlan): tf.Tensor4D {
  const { heads, kvHeads, scale, bias, causal, window } = shape;
  const keys = splitHeads(k, kvHeads, heads, plan);
  let logits: tf.Tensor = tf.mul(tf.matMul(splitHeads(q, heads, heads, plan), keys, false, true), scale);
  if (bias) logits = tf.add(logits, bias);
  if (plan.bias) logits = tf.add(logits, plan.bias);
  if (causal || window > 0) logits = tf.add(logits, sightMask(plan.L, causal, window));
  return tf.softmax(logits as tf.Tensor4D);
}

/** [T, N·D] → [B, A, L, D]; each of the N heads serves A / N of the A. */
export function splitHeads(x: tf.Tensor2D, own: number, heads: number, plan: PaddingPlan): tf.Tensor4D {
  const D = x.shape[1] / own;
  const split = tf.transpose(tf.reshape(pad(x, plan), [plan.B, plan.L, own, D]), [0, 2, 1, 3]); // [B, N, L, D]
  if (own === heads) return split as tf.Tensor4D;
  const rows = tf.reshape(split, [plan.B * own, 1, plan.L * D]); // rank 3: TF.js has no gradient of a tile of 5
  const repeated = tf.tile(rows, [1, heads / own, 1]);
  return tf.reshape(repeated, [plan.B, heads, plan.L, D]);
}

/** float32 [L, L]: 0 at the keys that a query may see, −1e9 at the others. */
function sightMask(L: number, causal: boolean, window: number): tf.Tensor2D {
  const mask = new Float32Array(L * L);
  for (let i = 0; i < L; i++) {
    for (let j = 0; j < L; j++) {
      if ((causal && j > i) || (window > 0 && Math.abs(i - j) >= window)) mask[i * L + j] = MASKED;
    }
  }
  return tf.tensor2d(mask, [L, L]);
}
