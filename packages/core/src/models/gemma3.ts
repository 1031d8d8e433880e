/**
 * Gemma 3, text alone, and EmbeddingGemma, which sees both ways: norms before and after each part, weights of norms
 * counted from 1, other angles where a layer sees a window. Agrees with transformers' models/gemma3/modeling_gemma3.py,
 * Gemma3TextModel.
 */

import { z } from 'zod';

import { activation } from '../operations/activation.ts';
import { decoderConfig, decoderFamily, decoderKeys, evenHeads, windowOf } from './decoder.ts';
import { count, width } from './family.ts';
import { layeredRopeKeys, rope } from './rope.ts';

const theta = z.number().positive();

const schema = decoderKeys
  .extend({
    num_key_value_heads: count.default(4),
    head_dim: width.default(256),
    hidden_activation: activation.default('gelu_pytorch_tanh'),
    attention_bias: z.boolean().default(false),
    query_pre_attn_scalar: theta.default(256),
    use_bidirectional_attention: z.boolean().nullish(),
    sliding_window: count.default(4096),
    sliding_window_pattern: count.default(6),
    layer_types: z.array(z.enum(['full_attention', 'sliding_attention'])).nullish(),
    attn_logit_softcapping: z.null().optional(),
    rope_theta: theta.default(1_000_000),
    rope_local_base_freq: theta.default(10_000),
    ...layeredRopeKeys,
  })
  .check(evenHeads)
  .transform((c) => {
    const both = c.use_bidirectional_attention ?? false;
    const window = windowOf(c, both ? Math.floor(c.sliding_window / 2) + 1 : c.sliding_window);
    const slides = (layer: number) =>
      c.layer_types ? c.layer_types[layer] === 'sliding_attention' : (layer + 1) % c.sliding_window_pattern !== 0;
    const size = { headSize: c.head_dim, maxPositions: c.max_position_embeddings };
    const { full_attention: full, sliding_attention: sliding } = c.rope_parameters ?? {};
    return {
      ...decoderConfig({ ...c, rope_scaling: undefined, rope_parameters: undefined }),
      activation: c.hidden_activation,
      biases: { qkv: c.attention_bias, output: c.attention_bias, feedForward: false },
      rope: rope(full ?? c.rope_scaling ?? {}, c.rope_theta, size),
      slidingRope: rope(sliding ?? {}, c.rope_local_base_freq, size),
      causal: c.is_causal && !both,
      windows: Array.from({ length: c.num_hidden_layers }, (_, layer) => (slides(layer) ? window : 0)),
      headNorms: true,
      norms: {
        attention: 'input_layernorm',
        attended: 'post_attention_layernorm',
        feedForward: 'pre_feedforward_layernorm',
        fed: 'post_feedforward_layernorm',
        shift: 1 as const,
      },
      scale: 1 / Math.sqrt(c.query_pre_attn_scalar),
      wordScale: Math.fround(Math.sqrt(c.hidden_size)),
    };
  });

export const gemma3 = decoderFamily(schema);
