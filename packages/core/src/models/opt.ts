/**
 * OPT: learned positions, norms before each part or, in opt-350m, after, where the words' embeddings and the model's
 * output are narrower too. Agrees with transformers' models/opt/modeling_opt.py. T tokens, E values of an embedding and
 * of the output, H of a layer.
 */

import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';

import { activation } from '../operations/activation.ts';
import { type CausalNames, causalLayers, causalShapes } from './causal.ts';
import {
  count,
  type EncoderOutput,
  type Family,
  layerCount,
  multiple,
  probability,
  type Run,
  width,
} from './family.ts';
import { dense, normalized, positionsOf, rows, Shapes } from './layers.ts';

const FIRST_POSITION = 2; // rows that fairseq kept for padding

const schema = z
  .looseObject({
    vocab_size: count,
    hidden_size: width,
    num_hidden_layers: layerCount,
    num_attention_heads: count,
    ffn_dim: count,
    max_position_embeddings: count.default(2048),
    word_embed_proj_dim: count.nullish(),
    activation_function: activation.default('relu'),
    do_layer_norm_before: z.boolean().default(true),
    _remove_final_layer_norm: z.boolean().default(false),
    layer_norm_elementwise_affine: z.literal(true).default(true),
    enable_bias: z.boolean().default(true),
    is_causal: z.boolean().default(true),
    dropout: probability.default(0.1),
    attention_dropout: probability.default(0),
    layerdrop: z.literal(0).default(0),
  })
  .check(multiple('hidden_size', 'num_attention_heads'))
  .transform((c) => ({
    vocabSize: c.vocab_size,
    hiddenSize: c.word_embed_proj_dim ?? c.hidden_size,
    width: c.hidden_size,
    layers: c.num_hidden_layers,
    heads: c.num_attention_heads,
    intermediateSize: c.ffn_dim,
    maxPositions: c.max_position_embeddings,
    activation: c.activation_function,
    layerNormEps: 1e-5,
    causal: c.is_causal,
    order: c.do_layer_norm_before ? ('normFirst' as const) : ('normLast' as const),
    normsOutput: c.do_layer_norm_before && !c._remove_final_layer_norm,
    biases: { qkv: c.enable_bias, attentionOutput: c.enable_bias, feedForward: c.enable_bias },
    windows: Array<number>(c.num_hidden_layers).fill(0),
    scale: 1 / Math.sqrt(c.hidden_size / c.num_attention_heads),
    dropout: { embedding: 0, hidden: c.dropout, attention: c.attention_dropout },
  }));

type OPTConfig = z.output<typeof schema>;

const NAMES: CausalNames = {
  norms: ['self_attn_layer_norm', 'final_layer_norm'],
  qkv: ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'],
  attentionOutput: 'self_attn.out_proj',
  intermediate: 'fc1',
  output: 'fc2',
};

export const opt: Family<OPTConfig> = { prefix: 'model', schema, shapes, optional: () => new Set(), forward };

const at = (layer: number) => `decoder.layers.${layer}`;

function shapes(config: OPTConfig): Shapes {
  const { hiddenSize: E, width: H } = config;
  const all = new Shapes();
  all.table('decoder.embed_tokens', config.vocabSize, E);
  all.table('decoder.embed_positions', config.maxPositions + FIRST_POSITION, H);
  if (E !== H) {
    all.dense('decoder.project_out', E, H, false);
    all.dense('decoder.project_in', H, E, false);
  }
  if (config.normsOutput) all.norm('decoder.final_layer_norm', H);
  for (let layer = 0; layer < config.layers; layer++) causalShapes(all, NAMES, at(layer), config);
  return all;
}

function forward(config: OPTConfig, run: Run): EncoderOutput {
  const { parameters, batch } = run;
  const projected = config.hiddenSize !== config.width;
  const words = rows(parameters, 'decoder.embed_tokens', batch.inputIds); // [T, E]
  const wide = projected ? dense(parameters, 'decoder.project_in', words) : words; // [T, H]
  const first = tf.add(wide, rows(parameters, 'decoder.embed_positions', positionsOf(batch, FIRST_POSITION)));
  const hidden = causalLayers(config, NAMES, at, run, first as tf.Tensor2D);
  const normal = config.normsOutput
    ? normalized(parameters, 'decoder.final_layer_norm', hidden, config.layerNormEps)
    : hidden;
  const last = projected ? dense(parameters, 'decoder.project_out', normal) : normal;
  return { words, first: first as tf.Tensor2D, last };
}
