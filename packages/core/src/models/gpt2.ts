/**
 * GPT-2: causal, pre-norm, weights laid out [inputs, outputs]. Agrees with transformers' models/gpt2/modeling_gpt2.py.
 * T tokens, H hidden units.
 */

import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';

import { ACTIVATIONS, activation } from '../operations/activation.ts';
import { type AttentionPlan, attention, planAttention } from '../operations/attention.ts';
import { type DropoutState, dropout } from '../operations/dropout.ts';
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
import { denseByColumns, normalized, positionsOf, rows, Shapes, split } from './layers.ts';
import type { Parameters } from './parameters.ts';
import { runLayers } from './run-layers.ts';

const schema = z
  .looseObject({
    vocab_size: count,
    n_embd: width,
    n_layer: layerCount,
    n_head: count,
    n_positions: count.default(1024),
    n_inner: count.nullish(),
    activation_function: activation.default('gelu_new'),
    embd_pdrop: probability.default(0.1),
    resid_pdrop: probability.default(0.1),
    attn_pdrop: probability.default(0.1),
    layer_norm_epsilon: epsilon.default(1e-5),
    scale_attn_weights: z.boolean().default(true),
    scale_attn_by_inverse_layer_idx: z.boolean().default(false),
    is_causal: z.boolean().default(true),
  })
  .check(multiple('n_embd', 'n_head'))
  .transform((c) => ({
    vocabSize: c.vocab_size,
    hiddenSize: c.n_embd,
    layers: c.n_layer,
    heads: c.n_head,
    intermediateSize: c.n_inner ?? 4 * c.n_embd,
    maxPositions: c.n_positions,
    activation: c.activation_function,
    dropout: { embedding: c.embd_pdrop, hidden: c.resid_pdrop, attention: c.attn_pdrop },
    layerNormEps: c.layer_norm_epsilon,
    scale: c.scale_attn_weights ? 1 / Math.sqrt(c.n_embd / c.n_head) : 1,
    scaledByLayer: c.scale_attn_by_inverse_layer_idx,
    causal: c.is_causal,
  }));

type GPT2Config = z.output<typeof schema>;

export const gpt2: Family<GPT2Config> = { prefix: 'transformer', schema, shapes, optional: () => new Set(), forward };

function shapes(config: GPT2Config): Shapes {
  const { hiddenSize: H, intermediateSize: I } = config;
  const all = new Shapes();
  const columns = (name: string, inputs: number, outputs: number) => {
    all.set(`${name}.weight`, [inputs, outputs]);
    all.set(`${name}.bias`, [outputs]);
  };
  all.table('wte', config.vocabSize, H);
  all.table('wpe', config.maxPositions, H);
  for (let layer = 0; layer < config.layers; layer++) {
    all.norm(`h.${layer}.ln_1`, H);
    columns(`h.${layer}.attn.c_attn`, H, 3 * H);
    columns(`h.${layer}.attn.c_proj`, H, H);
    all.norm(`h.${layer}.ln_2`, H);
    columns(`h.${layer}.mlp.c_fc`, H, I);
    columns(`h.${layer}.mlp.c_proj`, I, H);
  }
  all.norm('ln_f', H);
  return all;
}

function forward(config: GPT2Config, run: Run): EncoderOutput {
  const { parameters, batch, state } = run;
  const words = rows(parameters, 'wte', batch.inputIds); // [T, H]
  const sum = tf.add(words, rows(parameters, 'wpe', positionsOf(batch))) as tf.Tensor2D;
  const first = dropout(sum, config.dropout.embedding, state);
  const hidden = runLayers(run, first, {
    layers: config.layers,
    prefix: (layer) => `h.${layer}`,
    prepare: () => planAttention(batch),
    layer: (x, layer, plan, dropped) => decoderLayer(config, parameters, layer, x, plan, dropped),
  });
  return { words, first, last: normalized(parameters, 'ln_f', hidden, config.layerNormEps) };
}

function decoderLayer(
  config: GPT2Config,
  parameters: Parameters,
  layer: number,
  x: tf.Tensor2D,
  plan: AttentionPlan,
  state: DropoutState | undefined,
): tf.Tensor2D {
  const norm = (name: string, input: tf.Tensor2D) =>
    normalized(parameters, `h.${layer}.${name}`, input, config.layerNormEps);
  const columns = (name: string, input: tf.Tensor2D) => denseByColumns(parameters, `h.${layer}.${name}`, input);
  const [q, k, v] = split(columns('attn.c_attn', norm('ln_1', x)), 3);
  const scale = config.scaledByLayer ? config.scale / (layer + 1) : config.scale;
  const options = { causal: config.causal, scale };
  const context = attention(q, k, v, config.heads, plan, config.dropout.attention, state, options);
  const attended = dropout(columns('attn.c_proj', context), config.dropout.hidden, state);
  const middle = tf.add(x, attended) as tf.Tensor2D;
  const wide = ACTIVATIONS[config.activation](columns('mlp.c_fc', norm('ln_2', middle))); // [T, I]
  return tf.add(middle, dropout(columns('mlp.c_proj', wide), config.dropout.hidden, state));
}
