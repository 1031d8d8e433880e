/**
 * The encoder of T5, mT5 and UMT5: pre-norm by root mean square, no biases, relative positions alone. Agrees with
 * transformers' models/t5/modeling_t5.py, T5EncoderModel. T tokens, H hidden units, A heads of D values.
 */

import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';

import { ACTIVATIONS, activation } from '../operations/activation.ts';
import { type AttentionPlan, attention, planAttention } from '../operations/attention.ts';
import { type DropoutState, dropout } from '../operations/dropout.ts';
import { relativeBias } from '../operations/relative-bias.ts';
import { count, type EncoderOutput, epsilon, type Family, layerCount, probability, type Run, width } from './family.ts';
import { dense, rmsNormalized, rows, Shapes } from './layers.ts';
import { parameter } from './parameters.ts';
import { runLayers } from './run-layers.ts';

/** `gelu`, or `gated-gelu` for a net whose width is gated. */
const feedForward = z.string().transform((value, context) => {
  const gated = value.startsWith('gated-');
  const named = gated ? value.slice('gated-'.length) : value;
  const parsed = activation.safeParse(value === 'gated-gelu' ? 'gelu_new' : named); // as transformers reads it
  if (parsed.success) return { gated, activation: parsed.data };
  context.addIssue({ code: 'custom', message: 'Not an activation, nor gated- and one' });
  return z.NEVER;
});

const schema = z
  .looseObject({
    vocab_size: count,
    d_model: width,
    d_kv: count,
    d_ff: count,
    num_layers: layerCount,
    num_heads: count,
    relative_attention_num_buckets: count.min(4).default(32), // two of each direction
    relative_attention_max_distance: count.default(128),
    dropout_rate: probability.default(0.1),
    layer_norm_epsilon: epsilon.default(1e-6),
    feed_forward_proj: feedForward.default({ gated: false, activation: 'relu' }),
  })
  .check(({ value: c, issues }) => {
    const { relative_attention_max_distance: farthest, relative_attention_num_buckets: buckets } = c;
    const exact = Math.floor(buckets / 4); // distances that have a bucket each
    if (farthest > exact) return;
    const message = `relative_attention_max_distance ${farthest} is not above ${exact}, a quarter of relative_attention_num_buckets`;
    issues.push({ code: 'custom', message, input: c, path: [] });
  })
  .transform((c) => ({
    vocabSize: c.vocab_size,
    hiddenSize: c.d_model,
    headSize: c.d_kv,
    intermediateSize: c.d_ff,
    layers: c.num_layers,
    heads: c.num_heads,
    buckets: c.relative_attention_num_buckets,
    farthest: c.relative_attention_max_distance,
    maxPositions: Number.POSITIVE_INFINITY,
    dropout: { embedding: c.dropout_rate, hidden: c.dropout_rate, attention: c.dropout_rate },
    rmsNormEps: c.layer_norm_epsilon,
    ...c.feed_forward_proj,
  }));

type T5Config = z.output<typeof schema>;

/** @param tables How many layers have a table of relative positions of their own; the others use the first one's. */
function t5Family(tables: 'first' | 'all'): Family<T5Config> {
  return {
    prefix: 'transformer',
    aliases: { 'shared.weight': 'encoder.embed_tokens.weight' },
    schema,
    shapes: (config) => shapes(config, tables),
    optional: () => new Set(),
    forward: (config, run) => forward(config, run, tables),
  };
}

export const t5 = t5Family('first');
export const umt5 = t5Family('all');

const relativeName = (layer: number) => `encoder.block.${layer}.layer.0.SelfAttention.relative_attention_bias`;

function shapes(config: T5Config, tables: 'first' | 'all'): Shapes {
  const { hiddenSize: H, intermediateSize: I } = config;
  const inner = config.heads * config.headSize;
  const all = new Shapes();
  all.table('shared', config.vocabSize, H);
  for (let layer = 0; layer < config.layers; layer++) {
    const at = `encoder.block.${layer}.layer`;
    for (const part of ['q', 'k', 'v']) all.dense(`${at}.0.SelfAttention.${part}`, inner, H, false);
    all.dense(`${at}.0.SelfAttention.o`, H, inner, false);
    if (layer === 0 || tables === 'all') all.table(relativeName(layer), config.buckets, config.heads);
    all.norm(`${at}.0.layer_norm`, H, false);
    for (const part of config.gated ? ['wi_0', 'wi_1'] : ['wi']) {
      all.dense(`${at}.1.DenseReluDense.${part}`, I, H, false);
    }
    all.dense(`${at}.1.DenseReluDense.wo`, H, I, false);
    all.norm(`${at}.1.layer_norm`, H, false);
  }
  all.norm('encoder.final_layer_norm', H, false);
  return all;
}

function forward(config: T5Config, run: Run, tables: 'first' | 'all'): EncoderOutput {
  const { parameters, batch, state } = run;
  const words = rows(parameters, 'shared', batch.inputIds); // [T, H]
  const first = dropout(words, config.dropout.embedding, state);
  const biasOf = (layer: number) => {
    const table = parameter(parameters, `${relativeName(layer)}.weight`) as tf.Tensor2D;
    return relativeBias(table, batch, config.buckets, config.farthest);
  };
  const hidden = runLayers(run, first, {
    layers: config.layers,
    prefix: (layer) => `encoder.block.${layer}`,
    shared: tables === 'first' ? [relativeName(0)] : [],
    prepare: () => ({ plan: planAttention(batch), bias: tables === 'first' ? biasOf(0) : undefined }),
    layer: (x, layer, { plan, bias }, dropped) =>
      encoderLayer(config, run, layer, x, { plan, bias: bias ?? biasOf(layer) }, dropped),
  });
  const normal = rmsNormalized(parameters, 'encoder.final_layer_norm', hidden, config.rmsNormEps);
  return { words, first, last: dropout(normal, config.dropout.hidden, state) };
}

function encoderLayer(
  config: T5Config,
  { parameters }: Run,
  layer: number,
  x: tf.Tensor2D,
  { plan, bias }: { plan: AttentionPlan; bias: tf.Tensor3D },
  state: DropoutState | undefined,
): tf.Tensor2D {
  const at = `encoder.block.${layer}.layer`;
  const { heads, dropout: drops } = config;
  const norm = (part: 0 | 1, input: tf.Tensor2D) =>
    rmsNormalized(parameters, `${at}.${part}.layer_norm`, input, config.rmsNormEps);
  const project = (name: string, input: tf.Tensor2D) => dense(parameters, `${at}.${name}`, input);
  const input = norm(0, x);
  const [q, k, v] = (['q', 'k', 'v'] as const).map((part) => project(`0.SelfAttention.${part}`, input)) as [
    tf.Tensor2D,
    tf.Tensor2D,
    tf.Tensor2D,
  ];
  const context = attention(q, k, v, heads, plan, drops.attention, state, { bias, scale: 1 });
  const middle = tf.add(x, dropout(project('0.SelfAttention.o', context), drops.hidden, state)) as tf.Tensor2D;
  const narrow = norm(1, middle);
  const active = ACTIVATIONS[config.activation](project(`1.DenseReluDense.${config.gated ? 'wi_0' : 'wi'}`, narrow));
  const wide = config.gated ? (tf.mul(active, project('1.DenseReluDense.wi_1', narrow)) as tf.Tensor2D) : active;
  const output = project('1.DenseReluDense.wo', dropout(wide, drops.hidden, state));
  return tf.add(middle, dropout(output, drops.hidden, state));
}
