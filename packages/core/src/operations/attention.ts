/**
 * Softmax attention inside each text of a packed batch.
 * B texts, T tokens in all, L of the longest text, A heads of D values, KV of them for keys and values.
 */

import * as tf from '@tensorflow/tfjs-core';

import type { TokenBatch } from '../tokenizer/token-batch.ts';
import { differentiable, hasKernel, runKernel } from './differentiable.ts';
import { type DropoutState, nextDropoutKey } from './dropout.ts';
import { type AttentionShape, paddedAttention } from './padded-attention.ts';
import { type PaddingPlan, planPadding } from './padding.ts';

/** Where each text's tokens are; made once a batch and used by every layer. */
export interface AttentionPlan {
  batch: TokenBatch;
  /** int32 [B + 1] */
  offsets: tf.Tensor1D;
  /** For engines without a packed attention kernel. */
  padding: PaddingPlan | undefined;
}

/** How a family's attention differs from BERT's. */
export interface AttentionOptions {
  /** Whether a token sees only itself and those before it. */
  causal?: boolean;
  /** Keys nearer than this are seen; 0 for all. */
  window?: number;
  /** Added to the scores: float32 [A, L, L] to each text's, or [B, A, L, L], which asks for a padded plan. */
  bias?: tf.Tensor3D | tf.Tensor4D | undefined;
  /** KV; left out, A. A / KV queries' heads share one. */
  kvHeads?: number;
  /** Of q·k; left out, 1 / √D. */
  scale?: number;
}

/** The plan's tensors belong to the tidy it is made in. */
export function planAttention(batch: TokenBatch): AttentionPlan {
  return {
    batch,
    offsets: tf.tensor1d(batch.offsets, 'int32'),
    padding: hasKernel('Attention') ? undefined : planPadding(batch),
  };
}

/** A plan on which no engine uses its kernel: for a bias of each text, which the kernels do not read. */
export function planPaddedAttention(batch: TokenBatch): AttentionPlan & { padding: PaddingPlan } {
  return { batch, offsets: tf.tensor1d(batch.offsets, 'int32'), padding: planPadding(batch) };
}

/**
 *   out[b] = softmax(scale·q[b]·k[b]ᵀ + bias)·v[b], per head, over the keys that a query may see
 *
 * @param q float32 [T, A·D]
 * @param k float32 [T, KV·D]
 * @param v float32 [T, KV·D]
 * @returns float32 [T, A·D]
 */
export function attention(
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  heads: number,
  plan: AttentionPlan,
  probability: number,
  state: DropoutState | undefined,
  options: AttentionOptions = {},
): tf.Tensor2D {
  const shape: AttentionShape = {
    heads,
    causal: options.causal ?? false,
    window: options.window ?? 0,
    bias: options.bias,
    kvHeads: options.kvHeads ?? heads,
    scale: options.scale ?? 1 / Math.sqrt(q.shape[1] / heads),
  };
  if (!plan.padding && shape.bias?.rank === 4) throw new Error('internal: a bias of each text needs a padded plan');
  if (!plan.padding) return packedAttention(q, k, v, shape, plan, probability, state);
  return paddedAttention(q, k, v, shape, plan.padding, probability, state);
}

function packedAttention(
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  shape: AttentionShape,
  { offsets }: AttentionPlan,
  probability: number,
  state: DropoutState | undefined,
): tf.Tensor2D {
  const dropped = state !== undefined && probability > 0;
  const { bias, ...numbers } = shape;
  const attributes = {
    ...numbers,
    dropoutKey: dropped ? nextDropoutKey(state) : 0,
    dropoutProbability: dropped ? probability : 0,
  };
  const inputs: Record<string, tf.Tensor> = bias ? { q, k, v, bias } : { q, k, v };
  return differentiable(
    inputs,
    (save) => {
      const [out, lse] = runKernel<tf.Tensor[]>('Attention', { ...inputs, offsets }, attributes) as [
        tf.Tensor,
        tf.Tensor,
      ];
      save([q, k, v, lse, offsets, ...(bias ? [bias] : [])]);
      return out;
    },
    (dout, saved) => {
      const [q, k, v, lse, offsets, bias] = saved as [
        ...[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor],
        tf.Tensor | undefined,
      ];
      const read: Record<string, tf.Tensor> = bias
        ? { dout, q, k, v, lse, offsets, bias }
        : { dout, q, k, v, lse, offsets };
      const [dq, dk, dv] = runKernel<tf.Tensor[]>('AttentionGrad', read, attributes) as [
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
      ];
      return {
        q: () => dq.clone(),
        k: () => dk.clone(),
        v: () => dv.clone(),
        bias: () => runKernel('AttentionBiasGrad', read, attributes),
      };
    },
  ) as tf.Tensor2D;
}
