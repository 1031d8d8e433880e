/**
 * What DeBERTa's relative positions add to attention's scores: content by position and position by content.
 * B texts, T tokens in all, L of the longest text, A heads of D values, S rows of relative positions.
 */

import * as tf from '@tensorflow/tfjs-core';

import { longestOf, type TokenBatch } from '../tokenizer/token-batch.ts';
import { attention, planPaddedAttention } from './attention.ts';
import { differentiable, hasKernel, runKernel } from './differentiable.ts';
import type { DropoutState } from './dropout.ts';
import { embedding } from './embedding.ts';
import { splitHeads } from './padded-attention.ts';
import type { PaddingPlan } from './padding.ts';
import { recompute } from './recompute.ts';

/** Which row of relative positions each distance of a batch reads. */
export interface RelativeRows {
  /** The row of distance −L, and how many there are to that of distance L. */
  first: number;
  count: number;
  /** int32 [2·L], from `first` on: of distances L − 1, L − 2, … −L. */
  falling: Int32Array;
  /** int32 [2·L], from `first` on: of distances 1 − L, 2 − L, … L. */
  rising: Int32Array;
}

/**
 * Distances are i − j, of a query's place i and a key's j. Up to half of the buckets they have one row each; the rest
 * widen up to `farthest`.
 *
 * @param buckets Rows of one direction; 0 for a row of each distance up to `farthest`.
 * @param farthest The distance from which all are alike.
 */
export function relativeRows(batch: TokenBatch, buckets: number, farthest: number): RelativeRows {
  const L = hasKernel('DisentangledAttention') ? farthest : longestOf(batch); // that kernel is of every length
  const span = buckets || farthest;
  const rowOf = (distance: number) => {
    const place = buckets ? bucketOf(distance, Math.floor(buckets / 2), farthest) : distance;
    return Math.min(2 * span - 1, Math.max(0, place + span));
  };
  const first = rowOf(-L);
  return {
    first,
    count: rowOf(L) - first + 1,
    falling: Int32Array.from({ length: 2 * L }, (_, c) => rowOf(L - 1 - c) - first),
    rising: Int32Array.from({ length: 2 * L }, (_, c) => rowOf(c - L + 1) - first),
  };
}

/** Source: arXiv 2006.03654; transformers models/deberta_v2/modeling_deberta_v2.py, make_log_bucket_position. */
function bucketOf(distance: number, exact: number, farthest: number): number {
  const far = Math.abs(distance);
  if (far <= exact) return distance;
  const wider = Math.ceil((Math.log(far / exact) / Math.log((farthest - 1) / exact)) * (exact - 1));
  return Math.sign(distance) * (exact + wider);
}

/** Keys and queries of relative positions, float32 [S, A·D] from `rows.first` on; a model may lack either. */
export interface Positions {
  keys?: tf.Tensor2D | undefined;
  queries?: tf.Tensor2D | undefined;
}

/**
 *   out[b] = softmax(scale·q[b]·k[b]ᵀ + bias[b])·v[b]     per head, with `disentangledBias`
 *
 * Its scores are of [B, A, L, L], so backward computes them again.
 *
 * @param q float32 [T, A·D]
 * @param k float32 [T, A·D]
 * @param v float32 [T, A·D]
 * @returns float32 [T, A·D]
 */
export function disentangledAttention(
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  { keys, queries }: Positions,
  rows: RelativeRows,
  { heads, scale, batch }: { heads: number; scale: number; batch: TokenBatch },
  probability: number,
  state: DropoutState | undefined,
): tf.Tensor2D {
  if (hasKernel('DisentangledAttention')) {
    const read = { q, k, v, ...(keys && { keys }), ...(queries && { queries }) };
    const byDistance = rows.falling.toReversed(); // of −farthest … farthest − 1
    return runKernel('DisentangledAttention', read, { rows: byDistance, heads, scale });
  }
  const before = state && { ...state };
  const inputs = [q, k, v, ...(keys ? [keys] : []), ...(queries ? [queries] : [])];
  return recompute(inputs, [], (...given) => {
    const [q, k, v, ...rest] = given as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D, ...tf.Tensor2D[]];
    const positions = { keys: keys && rest[0], queries: queries && rest.at(-1) };
    const replayed = before && { ...before };
    const plan = planPaddedAttention(batch);
    const bias = disentangledBias(q, k, positions, rows, heads, scale, plan.padding);
    const out = attention(q, k, v, heads, plan, probability, replayed, { bias, scale });
    if (state && replayed) state.place = Math.max(state.place, replayed.place);
    return out;
  });
}

/**
 *   bias[b,a,i,j] = scale·(q[b,i]·keys[row(i − j)] + k[b,j]·queries[row(i − j)])     of head a
 *
 * @param q float32 [T, A·D]
 * @param k float32 [T, A·D]
 * @returns float32 [B, A, L, L]
 */
function disentangledBias(
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  { keys, queries }: Positions,
  rows: RelativeRows,
  heads: number,
  scale: number,
  plan: PaddingPlan,
): tf.Tensor4D {
  return tf.tidy(() => {
    const scores = (x: tf.Tensor2D, table: tf.Tensor2D, order: Int32Array) =>
      byDistance(splitHeads(x, heads, heads, plan), embedding(table, order));
    const terms = [
      ...(keys ? [scores(q, keys, rows.falling)] : []),
      ...(queries ? [tf.transpose(scores(k, queries, rows.rising), [0, 1, 3, 2])] : []), // [A, B, j, i] → [A, B, i, j]
    ];
    const sum = terms.reduce((a, b) => tf.add(a, b));
    return tf.mul(tf.transpose(sum, [1, 0, 2, 3]), scale) as tf.Tensor4D;
  });
}

/**
 *   y[a,b,m,n] = x[b,a,m]·table[n − m + L − 1]
 *
 * @param x float32 [B, A, L, D]
 * @param table float32 [2·L, A·D]
 * @returns float32 [A, B, L, L]
 */
function byDistance(x: tf.Tensor4D, table: tf.Tensor2D): tf.Tensor4D {
  const [B, A, L, D] = x.shape;
  const rows = tf.transpose(tf.reshape(table, [2 * L, A, D]), [1, 0, 2]); // [A, 2·L, D]
  const tokens = tf.reshape(tf.transpose(x, [1, 0, 2, 3]), [A, B * L, D]);
  const products = tf.matMul(tokens, rows, false, true); // [A, B·L, 2·L]
  return tf.reshape(skew(tf.reshape(products, [A * B, L, 2 * L])), [A, B, L, L]);
}

/**
 *   y[·,m,n] = x[·,m,n − m + L − 1]
 *
 * Every row is read from one further left than the row before; laid out flat, that is a change of row length.
 *
 * @param x float32 [N, L, 2·L]
 * @returns float32 [N, L, L]
 */
function skew(x: tf.Tensor3D): tf.Tensor3D {
  const [N, L] = x.shape;
  const shorter = 2 * L - 1;
  return differentiable(
    { x },
    () =>
      tf.tidy(() => {
        const flat = tf.slice(tf.reshape(x, [N, 2 * L * L]), [0, L - 1], [N, L * shorter]);
        return tf.slice(tf.reshape(flat, [N, L, shorter]), [0, 0, 0], [N, L, L]);
      }),
    (dy) => ({
      x: () =>
        tf.tidy(() => {
          const wide = tf.pad(dy as tf.Tensor3D, [
            [0, 0],
            [0, 0],
            [0, L - 1],
          ]);
          const flat = tf.pad(tf.reshape(wide, [N, L * shorter]), [
            [0, 0],
            [L - 1, 1],
          ]);
          return tf.reshape(flat, [N, L, 2 * L]);
        }),
    }),
  ) as tf.Tensor3D;
}
