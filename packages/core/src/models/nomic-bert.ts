/**
 * Nomic BERT: post-norm, rotary positions, a gated feed-forward net. Agrees with transformers'
 * models/nomic_bert/modeling_nomic_bert.py, under the checkpoint's names. T tokens, H hidden units.
 */

import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';

import { ACTIVATIONS, activation } from '../operations/activation.ts';
import { type AttentionPlan, attention, planAttention } from '../operations/attention.ts';
import { type DropoutState, dropout } from '../operations/dropout.ts';
import { type RotaryTables, rotary, rotaryTables } from '../operations/rotary.ts';
import { tokenTypes } from '../operations/token-types.ts';
import {
  count,
  type EncoderOutput,
  epsilon,
  type Family,
  layerCount,
  multiple,
  probability,
  type Run,
  width,
} from './family.ts';
import { dense, normalized, positionsOf, rows, Shapes, split } from './layers.ts';
import { parameter } from './parameters.ts';
import { ropeKeys, ropeOf } from './rope.ts';
import { runLayers } from './run-layers.ts';

/** Keys of transformers' own class. */
const keys = z
  .looseObject({
    vocab_size: count,
    hidden_size: width,
    num_hidden_layers: layerCount,
    num_attention_heads: count,
    intermediate_size: count,
    max_position_embeddings: count.default(2048),
    type_vocab_size: count.default(2),
    hidden_act: activation.default('silu'),
    hidden_dropout_prob: probability.default(0),
    attention_probs_dropout_prob: probability.default(0),
    layer_norm_eps: epsilon.default(1e-12),
    ...ropeKeys,
  })
  .check(multiple('hidden_size', 'num_attention_heads'));

/** Keys of the class that came with the checkpoints, and the only values of them that are run here. */
const ownKeys = z.looseObject({
  vocab_size: count,
  n_embd: width,
  n_layer: layerCount,
  n_head: count,
  n_inner: count,
  n_positions: count,
  max_trained_positions: count.optional(),
  activation_function: z.literal('swiglu'),
  embd_pdrop: probability.default(0),
  resid_pdrop: probability.default(0),
  attn_pdrop: probability.default(0),
  layer_norm_epsilon: epsilon.default(1e-12),
  rotary_emb_base: z.number().positive().default(10_000),
  rotary_emb_fraction: z.literal(1),
  rotary_emb_interleaved: z.literal(false).default(false),
  rotary_scaling_factor: z.number().nullish(),
  prenorm: z.literal(false),
  causal: z.literal(false).default(false),
  use_rms_norm: z.literal([false, null]).default(false),
  qkv_proj_bias: z.literal(false),
  mlp_fc1_bias: z.literal(false),
  mlp_fc2_bias: z.literal(false),
  moe_every_n_layers: z.literal([0, -1]).default(0),
});

const schema = z
  .record(z.string(), z.unknown())
  .transform((raw, context): z.input<typeof keys> => {
    if (raw.n_embd === undefined) return raw as z.input<typeof keys>; // checked next
    const parsed = ownKeys.safeParse(raw);
    if (!parsed.success) {
      context.issues.push(...parsed.error.issues.map((issue) => ({ ...issue, input: raw }) as z.core.$ZodRawIssue));
      return z.NEVER;
    }
    const c = parsed.data;
    return {
      ...c,
      hidden_size: c.n_embd,
      num_hidden_layers: c.n_layer,
      num_attention_heads: c.n_head,
      intermediate_size: c.n_inner,
      // Past the trained positions its angles depend on a text's length; texts are cut there.
      max_position_embeddings: (c.rotary_scaling_factor && c.max_trained_positions) || c.n_positions,
      hidden_dropout_prob: c.resid_pdrop,
      attention_probs_dropout_prob: c.attn_pdrop,
      layer_norm_eps: c.layer_norm_epsilon,
      rope_theta: c.rotary_emb_base,
    };
  })
  .pipe(keys)
  .transform((c) => ({
    vocabSize: c.vocab_size,
    hiddenSize: c.hidden_size,
    layers: c.num_hidden_layers,
    heads: c.num_attention_heads,
    intermediateSize: c.intermediate_size,
    maxPositions: c.max_position_embeddings,
    tokenTypes: c.type_vocab_size,
    activation: c.hidden_act,
    dropout: {
      embedding: c.hidden_dropout_prob,
      hidden: c.hidden_dropout_prob,
      attention: c.attention_probs_dropout_prob,
    },
    layerNormEps: c.layer_norm_eps,
    rope: ropeOf(c, 1000, {
      headSize: c.hidden_size / c.num_attention_heads,
      maxPositions: c.max_position_embeddings,
    }),
  }));

type NomicBertConfig = z.output<typeof schema>;

export const nomicBert: Family<NomicBertConfig> = {
  prefix: 'bert',
  schema,
  shapes,
  optional: () => new Set(),
  forward,
};

function shapes(config: NomicBertConfig): Shapes {
  const { hiddenSize: H, intermediateSize: I } = config;
  const all = new Shapes();
  all.table('embeddings.word_embeddings', config.vocabSize, H);
  all.table('embeddings.token_type_embeddings', config.tokenTypes, H);
  all.norm('emb_ln', H);
  for (let layer = 0; layer < config.layers; layer++) {
    const at = `encoder.layers.${layer}`;
    all.dense(`${at}.attn.Wqkv`, 3 * H, H, false);
    all.dense(`${at}.attn.out_proj`, H, H, false);
    all.dense(`${at}.mlp.fc11`, I, H, false);
    all.dense(`${at}.mlp.fc12`, I, H, false);
    all.dense(`${at}.mlp.fc2`, H, I, false);
    all.norm(`${at}.norm1`, H);
    all.norm(`${at}.norm2`, H);
  }
  return all;
}

function forward(config: NomicBertConfig, run: Run): EncoderOutput {
  const { parameters, batch, state } = run;
  const words = rows(parameters, 'embeddings.word_embeddings', batch.inputIds); // [T, H]
  const types = parameter(parameters, 'embeddings.token_type_embeddings.weight') as tf.Tensor2D;
  const sum = tf.add(words, tokenTypes(types)) as tf.Tensor2D;
  const first = dropout(normalized(parameters, 'emb_ln', sum, config.layerNormEps), config.dropout.embedding, state);
  const { frequencies, factor } = config.rope;
  const last = runLayers(run, first, {
    layers: config.layers,
    prefix: (layer) => `encoder.layers.${layer}`,
    prepare: () => ({ plan: planAttention(batch), tables: rotaryTables(positionsOf(batch), frequencies, factor) }),
    layer: (x, layer, prepared, dropped) => encoderLayer(config, run, layer, x, prepared, dropped),
  });
  return { words, first, last };
}

function encoderLayer(
  config: NomicBertConfig,
  { parameters }: Run,
  layer: number,
  x: tf.Tensor2D,
  { plan, tables }: { plan: AttentionPlan; tables: RotaryTables },
  state: DropoutState | undefined,
): tf.Tensor2D {
  const { heads, layerNormEps, dropout: drops } = config;
  const apply = (name: string, input: tf.Tensor2D) => dense(parameters, `encoder.layers.${layer}.${name}`, input);
  const norm = (name: string, input: tf.Tensor2D, residual: tf.Tensor2D) =>
    normalized(parameters, `encoder.layers.${layer}.${name}`, input, layerNormEps, residual);
  const [q, k, v] = split(apply('attn.Wqkv', x), 3);
  const [turnedQ, turnedK] = [rotary(q, heads, tables, 'halves'), rotary(k, heads, tables, 'halves')] as const;
  const context = attention(turnedQ, turnedK, v, heads, plan, drops.attention, state);
  const middle = norm('norm1', dropout(apply('attn.out_proj', context), drops.hidden, state), x);
  const gate = ACTIVATIONS[config.activation](apply('mlp.fc12', middle)); // [T, I]
  const wide = tf.mul(gate, apply('mlp.fc11', middle)) as tf.Tensor2D;
  return norm('norm2', dropout(apply('mlp.fc2', wide), drops.hidden, state), middle);
}
