/**
 * The causal decoder of Llama and its kin: rms norms before each part, in Gemma also after, rotary positions, heads that
 * share keys, a gated feed-forward net. T tokens, H hidden units, A heads of D values, KV of them for keys and values.
 */

import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { ACTIVATIONS, type Activation, activation } from '../operations/activation.ts';
import { type AttentionPlan, attention, planAttention } from '../operations/attention.ts';
import type { DropoutState } from '../operations/dropout.ts';
import { type RotaryTables, rotary, rotaryTables } from '../operations/rotary.ts';
import type { TokenBatch } from '../tokenizer/token-batch.ts';
import {
  count,
  type EncoderConfig,
  type EncoderOutput,
  epsilon,
  type Family,
  layerCount,
  probability,
  type Run,
  width,
} from './family.ts';
import { dense, positionsOf, rmsNormalized, rows, Shapes } from './layers.ts';
import type { Parameters } from './parameters.ts';
import { type Rope, ropeKeys, ropeOf } from './rope.ts';
import { runLayers } from './run-layers.ts';

export interface DecoderConfig extends EncoderConfig {
  vocabSize: number;
  layers: number;
  heads: number;
  kvHeads: number;
  headSize: number;
  intermediateSize: number;
  activation: Activation;
  rmsNormEps: number;
  /** Of all layers, or of those that see all. */
  rope: Rope;
  /** Of layers that see a window, where they have another. */
  slidingRope?: Rope;
  causal: boolean;
  /** Of each layer: keys nearer than this are seen; 0 for all. */
  windows: number[];
  biases: { qkv: boolean; output: boolean; feedForward: boolean };
  /** Whether each head of q and k is normalized. */
  headNorms: boolean;
  norms: DecoderNorms;
  /** Of q·k; left out, 1 / √D. */
  scale?: number;
  /** Of the words' embeddings. */
  wordScale: number;
}

/** Names of a layer's norms, before and after each part, in checkpoint order. */
export interface DecoderNorms {
  attention: string;
  attended?: string;
  feedForward: string;
  fed?: string;
  /** Added to their weights, and to those of every other norm. */
  shift: 0 | 1;
}

/** The keys that Llama's kin share. */
export const decoderKeys = z.looseObject({
  vocab_size: count,
  hidden_size: width,
  num_hidden_layers: layerCount,
  num_attention_heads: count,
  num_key_value_heads: count.nullish(),
  head_dim: width.nullish(),
  intermediate_size: count,
  max_position_embeddings: count,
  hidden_act: activation.default('silu'),
  rms_norm_eps: epsilon.default(1e-6),
  attention_dropout: probability.nullish(),
  is_causal: z.boolean().default(true),
  ...ropeKeys,
});

export function decoderConfig(c: z.output<typeof decoderKeys>) {
  const headSize = c.head_dim ?? c.hidden_size / c.num_attention_heads;
  return {
    vocabSize: c.vocab_size,
    hiddenSize: c.hidden_size,
    layers: c.num_hidden_layers,
    heads: c.num_attention_heads,
    kvHeads: c.num_key_value_heads ?? c.num_attention_heads,
    headSize,
    intermediateSize: c.intermediate_size,
    maxPositions: c.max_position_embeddings,
    activation: c.hidden_act,
    rmsNormEps: c.rms_norm_eps,
    rope: ropeOf(c, 10_000, { headSize, maxPositions: c.max_position_embeddings }),
    causal: c.is_causal,
    windows: Array<number>(c.num_hidden_layers).fill(0),
    biases: { qkv: false, output: false, feedForward: false },
    headNorms: false,
    norms: { attention: 'input_layernorm', feedForward: 'post_attention_layernorm', shift: 0 },
    wordScale: 1,
    dropout: { embedding: 0, hidden: 0, attention: c.attention_dropout ?? 0 },
  } satisfies DecoderConfig;
}

/** Of `windows`: who sees both ways sees also the keys that are just a window away, as in masking_utils.py. */
export function windowOf({ is_causal }: { is_causal: boolean }, size: number | null | undefined): number {
  return size ? size + (is_causal ? 0 : 1) : 0;
}

/** A schema's check: heads share keys and values evenly, and divide the width where head_dim does not say their size. */
export function evenHeads({ value: c, issues }: z.core.ParsePayload<z.output<typeof decoderKeys>>): void {
  const report = (message: string) => issues.push({ code: 'custom', message, input: c, path: [] });
  const { hidden_size: H, num_attention_heads: A, num_key_value_heads: KV, head_dim: D } = c;
  if (!D && H % A !== 0) report(`hidden_size ${H} is not a multiple of num_attention_heads ${A}`);
  if (KV && A % KV !== 0) report(`num_attention_heads ${A} is not a multiple of num_key_value_heads ${KV}`);
}

export function decoderFamily<C extends DecoderConfig>(schema: z.ZodType<C>): Family<C> {
  return { prefix: 'model', schema, shapes, optional: () => new Set(), forward };
}

function shapes(config: DecoderConfig): Shapes {
  const { hiddenSize: H, headSize: D, intermediateSize: I, heads, kvHeads, biases } = config;
  const all = new Shapes();
  all.table('embed_tokens', config.vocabSize, H);
  for (let layer = 0; layer < config.layers; layer++) {
    const at = `layers.${layer}`;
    all.dense(`${at}.self_attn.q_proj`, heads * D, H, biases.qkv);
    all.dense(`${at}.self_attn.k_proj`, kvHeads * D, H, biases.qkv);
    all.dense(`${at}.self_attn.v_proj`, kvHeads * D, H, biases.qkv);
    all.dense(`${at}.self_attn.o_proj`, H, heads * D, biases.output);
    if (config.headNorms) {
      all.norm(`${at}.self_attn.q_norm`, D, false);
      all.norm(`${at}.self_attn.k_norm`, D, false);
    }
    all.dense(`${at}.mlp.gate_proj`, I, H, biases.feedForward);
    all.dense(`${at}.mlp.up_proj`, I, H, biases.feedForward);
    all.dense(`${at}.mlp.down_proj`, H, I, biases.feedForward);
    const { attention, attended, feedForward, fed } = config.norms;
    for (const name of [attention, attended, feedForward, fed]) if (name) all.norm(`${at}.${name}`, H, false);
  }
  all.norm('norm', H, false);
  return all;
}

function forward(config: DecoderConfig, run: Run): EncoderOutput {
  const { parameters, batch } = run;
  const found = rows(parameters, 'embed_tokens', batch.inputIds); // [T, H]
  const words: tf.Tensor2D = config.wordScale === 1 ? found : tf.mul(found, config.wordScale);
  const hidden = runLayers(run, words, {
    layers: config.layers,
    prefix: (layer) => `layers.${layer}`,
    prepare: () => prepare(config, batch),
    layer: (x, layer, prepared, state) => decoderLayer(config, parameters, layer, x, prepared, state),
  });
  return { words, first: words, last: normalized(config, parameters, 'norm', hidden) };
}

interface Prepared {
  plan: AttentionPlan;
  full: RotaryTables;
  sliding: RotaryTables;
}

function prepare({ rope, slidingRope }: DecoderConfig, batch: TokenBatch): Prepared {
  const tables = ({ frequencies, factor }: Rope) => rotaryTables(positionsOf(batch), frequencies, factor);
  const full = tables(rope);
  return { plan: planAttention(batch), full, sliding: slidingRope ? tables(slidingRope) : full };
}

function normalized(config: DecoderConfig, parameters: Parameters, name: string, x: tf.Tensor2D): tf.Tensor2D {
  return rmsNormalized(parameters, name, x, config.rmsNormEps, config.norms.shift);
}

function decoderLayer(
  config: DecoderConfig,
  parameters: Parameters,
  layer: number,
  x: tf.Tensor2D,
  prepared: Prepared,
  state: DropoutState | undefined,
): tf.Tensor2D {
  const { norms } = config;
  const norm = (name: string | undefined, input: tf.Tensor2D) =>
    name ? normalized(config, parameters, `layers.${layer}.${name}`, input) : input;
  const project = (name: string, input: tf.Tensor2D) => dense(parameters, `layers.${layer}.mlp.${name}`, input);
  const attended = selfAttention(config, parameters, layer, norm(norms.attention, x), prepared, state);
  const middle = tf.add(x, norm(norms.attended, attended)) as tf.Tensor2D;
  const input = norm(norms.feedForward, middle);
  const gate = ACTIVATIONS[config.activation](project('gate_proj', input)); // [T, I]
  return tf.add(middle, norm(norms.fed, project('down_proj', tf.mul(gate, project('up_proj', input)))));
}

function selfAttention(
  config: DecoderConfig,
  parameters: Parameters,
  layer: number,
  x: tf.Tensor2D,
  { plan, full, sliding }: Prepared,
  state: DropoutState | undefined,
): tf.Tensor2D {
  const { heads, kvHeads, headSize, causal, scale } = config;
  const at = `layers.${layer}.self_attn`;
  const window = config.windows[layer] as number;
  const tables = window > 0 ? sliding : full;
  const turned = (part: 'q' | 'k', count: number) => {
    const projected = dense(parameters, `${at}.${part}_proj`, x);
    if (!config.headNorms) return rotary(projected, count, tables, 'halves');
    const apart = tf.reshape(projected, [-1, headSize]) as tf.Tensor2D; // [T·A, D]
    const normal = normalized(config, parameters, `${at}.${part}_norm`, apart);
    return rotary(tf.reshape(normal, [-1, count * headSize]), count, tables, 'halves');
  };
  const v = dense(parameters, `${at}.v_proj`, x);
  const [q, k] = [turned('q', heads), turned('k', kvHeads)] as const;
  const options = { causal, window, kvHeads, scale };
  const context = attention(q, k, v, heads, plan, config.dropout.attention, state, options);
  return dense(parameters, `${at}.o_proj`, context);
}
