/**
 * ModernBERT: pre-norm, rotary positions, a gated feed-forward net, layers that see all and layers that see a window.
 * Agrees with transformers' models/modernbert/modeling_modernbert.py. T tokens, H hidden units.
 */

import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';

import { ACTIVATIONS, activation } from '../operations/activation.ts';
import { type AttentionPlan, attention, planAttention } from '../operations/attention.ts';
import { type DropoutState, dropout } from '../operations/dropout.ts';
import { type RotaryTables, rotary, rotaryTables } from '../operations/rotary.ts';
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
import { layeredRopeKeys, rope } from './rope.ts';
import { runLayers } from './run-layers.ts';

const schema = z
  .looseObject({
    vocab_size: count,
    hidden_size: width,
    num_hidden_layers: layerCount,
    num_attention_heads: count,
    intermediate_size: count,
    max_position_embeddings: count.default(8192),
    hidden_activation: activation.default('gelu'),
    norm_eps: epsilon.default(1e-5),
    norm_bias: z.boolean().default(false),
    attention_bias: z.boolean().default(false),
    mlp_bias: z.boolean().default(false),
    embedding_dropout: probability.default(0),
    mlp_dropout: probability.default(0),
    attention_dropout: probability.default(0),
    local_attention: count.default(128),
    global_attn_every_n_layers: count.default(3),
    layer_types: z.array(z.enum(['full_attention', 'sliding_attention'])).nullish(),
    global_rope_theta: z.number().positive().default(160_000),
    local_rope_theta: z.number().positive().nullish(),
    ...layeredRopeKeys,
  })
  .check(multiple('hidden_size', 'num_attention_heads'))
  .transform((c) => {
    const size = { headSize: c.hidden_size / c.num_attention_heads, maxPositions: c.max_position_embeddings };
    const { full_attention: full, sliding_attention: sliding } = c.rope_parameters ?? {};
    return {
      vocabSize: c.vocab_size,
      hiddenSize: c.hidden_size,
      layers: c.num_hidden_layers,
      heads: c.num_attention_heads,
      intermediateSize: c.intermediate_size,
      maxPositions: c.max_position_embeddings,
      activation: c.hidden_activation,
      layerNormEps: c.norm_eps,
      biases: { norm: c.norm_bias, attention: c.attention_bias, feedForward: c.mlp_bias },
      dropout: { embedding: c.embedding_dropout, hidden: c.mlp_dropout, attention: c.attention_dropout },
      /** Of each layer, whether it sees `window` alone. */
      slides: Array.from({ length: c.num_hidden_layers }, (_, layer) =>
        c.layer_types ? c.layer_types[layer] === 'sliding_attention' : layer % c.global_attn_every_n_layers !== 0,
      ),
      window: Math.floor(c.local_attention / 2) + 1,
      ropes: {
        full: rope(full ?? c.rope_scaling ?? {}, c.global_rope_theta, size),
        sliding: rope(sliding ?? c.rope_scaling ?? {}, c.local_rope_theta ?? 10_000, size),
      },
    };
  });

type ModernBertConfig = z.output<typeof schema>;

export const modernbert: Family<ModernBertConfig> = {
  prefix: 'model',
  schema,
  shapes,
  optional: () => new Set(),
  forward,
};

function shapes(config: ModernBertConfig): Shapes {
  const { hiddenSize: H, intermediateSize: I, biases } = config;
  const all = new Shapes();
  all.table('embeddings.tok_embeddings', config.vocabSize, H);
  all.norm('embeddings.norm', H, biases.norm);
  for (let layer = 0; layer < config.layers; layer++) {
    const at = `layers.${layer}`;
    if (layer > 0) all.norm(`${at}.attn_norm`, H, biases.norm); // the embeddings are normalized already
    all.dense(`${at}.attn.Wqkv`, 3 * H, H, biases.attention);
    all.dense(`${at}.attn.Wo`, H, H, biases.attention);
    all.norm(`${at}.mlp_norm`, H, biases.norm);
    all.dense(`${at}.mlp.Wi`, 2 * I, H, biases.feedForward);
    all.dense(`${at}.mlp.Wo`, H, I, biases.feedForward);
  }
  all.norm('final_norm', H, biases.norm);
  return all;
}

interface Prepared {
  plan: AttentionPlan;
  full: RotaryTables;
  sliding: RotaryTables;
}

function forward(config: ModernBertConfig, run: Run): EncoderOutput {
  const { parameters, batch, state } = run;
  const words = rows(parameters, 'embeddings.tok_embeddings', batch.inputIds); // [T, H]
  const normal = normalized(parameters, 'embeddings.norm', words, config.layerNormEps);
  const first = dropout(normal, config.dropout.embedding, state);
  const hidden = runLayers(run, first, {
    layers: config.layers,
    prefix: (layer) => `layers.${layer}`,
    prepare: () => {
      const positions = positionsOf(batch);
      const { full, sliding } = config.ropes;
      return {
        plan: planAttention(batch),
        full: rotaryTables(positions, full.frequencies, full.factor),
        sliding: rotaryTables(positions, sliding.frequencies, sliding.factor),
      };
    },
    layer: (x, layer, prepared, dropped) => encoderLayer(config, run, layer, x, prepared, dropped),
  });
  return { words, first, last: normalized(parameters, 'final_norm', hidden, config.layerNormEps) };
}

function encoderLayer(
  config: ModernBertConfig,
  { parameters }: Run,
  layer: number,
  x: tf.Tensor2D,
  prepared: Prepared,
  state: DropoutState | undefined,
): tf.Tensor2D {
  const at = `layers.${layer}`;
  const norm = (name: string, input: tf.Tensor2D) =>
    normalized(parameters, `${at}.${name}`, input, config.layerNormEps);
  const { heads, dropout: drops } = config;
  const slides = config.slides[layer];
  const tables = slides ? prepared.sliding : prepared.full;
  const input = layer === 0 ? x : norm('attn_norm', x);
  const [q, k, v] = split(dense(parameters, `${at}.attn.Wqkv`, input), 3);
  const [turnedQ, turnedK] = [rotary(q, heads, tables, 'halves'), rotary(k, heads, tables, 'halves')] as const;
  const options = { window: slides ? config.window : 0 };
  const context = attention(turnedQ, turnedK, v, heads, prepared.plan, drops.attention, state, options);
  const attended = dropout(dense(parameters, `${at}.attn.Wo`, context), drops.attention, state);
  const middle = tf.add(x, attended) as tf.Tensor2D;
  const [gate, up] = split(dense(parameters, `${at}.mlp.Wi`, norm('mlp_norm', middle)), 2); // [T, I]
  const wide = dropout(tf.mul(ACTIVATIONS[config.activation](gate), up) as tf.Tensor2D, drops.hidden, state);
  return tf.add(middle, dense(parameters, `${at}.mlp.Wo`, wide));
}
