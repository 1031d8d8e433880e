/**
 * Attention inside each text of a packed batch and its gradients: native/kernels/Attention.cc, AttentionGrad.cc,
 * AttentionBiasGrad.cc. A heads of D values, KV of them for keys and values, T tokens, L of the longest text.
 */

import type * as tf from '@tensorflow/tfjs-core';

import type { NativeBackend } from '../backend.ts';
import { defineKernel } from '../define-kernel.ts';

interface Inputs {
  q: tf.TensorInfo;
  k: tf.TensorInfo;
  v: tf.TensorInfo;
  /** int32 [B + 1] */
  offsets: tf.TensorInfo;
  /** float32 [A, L, L], added to the scores. */
  bias?: tf.TensorInfo;
}

interface Attributes {
  heads: number;
  kvHeads: number;
  scale: number;
  causal: boolean;
  /** Keys nearer than this are seen; 0 for all. */
  window: number;
  /** uint32 */
  dropoutKey: number;
  /** In [0, 1). */
  dropoutProbability: number;
}

/** q [T, A·D], k and v [T, KV·D] → out [T, A·D] and lse float32 [A, T]. */
export const attention = defineKernel<Inputs, Attributes>('Attention', (inputs, attributes, backend) => {
  const { q, k, v } = inputs;
  const element = backend.elementOf(q);
  const out = backend.empty(q.shape, element);
  const lse = backend.empty([attributes.heads, q.shape[0] as number]);
  backend.binding.Attention(
    ...([backend.array(q), backend.as(k, element), backend.as(v, element), backend.array(out)] as const),
    ...([backend.f32(lse), ...description(inputs, attributes, backend)] as const),
  );
  return [out, lse];
});

type GradInputs = Inputs & { dout: tf.TensorInfo; lse: tf.TensorInfo };

/** dout [T, A·D] → dq, dk, dv. */
export const attentionGrad = defineKernel<GradInputs, Attributes>('AttentionGrad', (inputs, attributes, backend) => {
  const { dout, q, k, v, lse } = inputs;
  const element = backend.elementOf(q);
  const [dq, dk, dv] = [q, k, v].map(({ shape }) => backend.empty(shape, element)) as [
    tf.TensorInfo,
    tf.TensorInfo,
    tf.TensorInfo,
  ];
  backend.binding.AttentionGrad(
    ...([backend.as(dout, element), backend.array(q), backend.as(k, element), backend.as(v, element)] as const),
    ...([backend.f32(lse), backend.array(dq), backend.array(dk), backend.array(dv)] as const),
    ...description(inputs, attributes, backend),
  );
  return [dq, dk, dv];
});

/** dout [T, A·D] → dbias float32 [A, L, L]. */
export const attentionBiasGrad = defineKernel<GradInputs & { bias: tf.TensorInfo }, Attributes>(
  'AttentionBiasGrad',
  (inputs, attributes, backend) => {
    const { dout, q, k, v, lse, bias } = inputs;
    const element = backend.elementOf(q);
    const dBias = backend.empty(bias.shape);
    backend.binding.AttentionBiasGrad(
      ...([backend.as(dout, element), backend.array(q), backend.as(k, element), backend.as(v, element)] as const),
      ...([backend.f32(lse), backend.f32(dBias), ...description(inputs, attributes, backend)] as const),
    );
    return dBias;
  },
);

/** The arguments all kernels end with. */
function description({ offsets, bias }: Inputs, attributes: Attributes, backend: NativeBackend) {
  const { heads, kvHeads, scale, causal, window, dropoutKey, dropoutProbability } = attributes;
  return [
    ...([backend.i32(offsets), heads, kvHeads, scale, Number(causal), window, dropoutKey, dropoutProbability] as const),
    bias ? backend.f32(bias) : null,
  ] as const;
}
