/**
 * The causal decoder of GPT-NeoX, GPT-Neo, BLOOM and OPT: layer norms, one key a head, a plain feed-forward net.
 * T tokens, H hidden units, I of the feed-forward net, A heads of D values.
 */

import * as tf from '@tensorflow/tfjs-core';
import { ACTIVATIONS, type Activation } from '../operations/activation.ts';
import { type AttentionPlan, attention, planAttention } from '../operations/attention.ts';
import { type DropoutState, dropout } from '../operations/dropout.ts';
import { type RotaryTables, rotary } from '../operations/rotary.ts';
import type { EncoderConfig, Run } from './family.ts';
import { dense, normalized, type Shapes } from './layers.ts';
import { runLayers } from './run-layers.ts';

export interface CausalConfig extends EncoderConfig {
  layers: number;
  heads: number;
  /** H, where the states that leave the model have another width than the layers' */
  width: number;
  intermediateSize: number;
  activation: Activation;
  layerNormEps: number;
  causal: boolean;
  order: Order;
  biases: { qkv: boolean; attentionOutput: boolean; feedForward: boolean };
  /** Of each layer: keys nearer than this are seen; 0 for all. */
  windows: number[];
  /** Of q·k. */
  scale: number;
}

/** A family's own names of the layer's parts. */
export interface CausalNames {
  norms: readonly [attention: string, feedForward: string];
  /** One weight for all three, head by head, or one for each. */
  qkv: string | readonly [q: string, k: string, v: string];
  attentionOutput: string;
  intermediate: string;
  output: string;
}

/** What all layers read of a batch. */
export interface Positions {
  rotary?: RotaryTables;
  /** Added to the scores, float32 [A, L, L]. */
  bias?: tf.Tensor3D;
}

type Apply = (x: tf.Tensor2D) => tf.Tensor2D;

interface Parts {
  norms: [Apply, Apply];
  attend: Apply;
  feed: Apply;
}

const sum = (a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D => tf.add(a, b);

/** How a layer's two parts and their norms follow one another. */
const ORDERS = {
  normFirst: (x, { norms, attend, feed }) => {
    const middle = sum(x, attend(norms[0](x)));
    return sum(middle, feed(norms[1](middle)));
  },
  parallel: (x, { norms, attend, feed }) => sum(sum(x, attend(norms[0](x))), feed(norms[1](x))),
  /** The norm's output, not its input, is added to. */
  normBeforeSum: (x, { norms, attend, feed }) => {
    const input = norms[0](x);
    const middle = norms[1](sum(input, attend(input)));
    return sum(middle, feed(middle));
  },
  normLast: (x, { norms, attend, feed }) => {
    const middle = norms[0](sum(x, attend(x)));
    return norms[1](sum(middle, feed(middle)));
  },
} satisfies Record<string, (x: tf.Tensor2D, parts: Parts) => tf.Tensor2D>;

export type Order = keyof typeof ORDERS;

export function causalShapes(shapes: Shapes, names: CausalNames, at: string, config: CausalConfig): void {
  const { width: H, intermediateSize: I, biases } = config;
  shapes.norm(`${at}.${names.norms[0]}`, H);
  if (typeof names.qkv === 'string') shapes.dense(`${at}.${names.qkv}`, 3 * H, H, biases.qkv);
  else for (const part of names.qkv) shapes.dense(`${at}.${part}`, H, H, biases.qkv);
  shapes.dense(`${at}.${names.attentionOutput}`, H, H, biases.attentionOutput);
  shapes.norm(`${at}.${names.norms[1]}`, H);
  shapes.dense(`${at}.${names.intermediate}`, I, H, biases.feedForward);
  shapes.dense(`${at}.${names.output}`, H, I, biases.feedForward);
}

/**
 * Runs layer after layer; the parameters of layer i are under `at(i)`.
 *
 * @param positions Made once a batch.
 * @returns float32 [T, H]
 */
export function causalLayers(
  config: CausalConfig,
  names: CausalNames,
  at: (layer: number) => string,
  run: Run,
  x: tf.Tensor2D,
  positions: () => Positions = () => ({}),
): tf.Tensor2D {
  return runLayers(run, x, {
    layers: config.layers,
    prefix: at,
    prepare: () => ({ plan: planAttention(run.batch), ...positions() }),
    layer: (input, layer, prepared, state) => causalLayer(config, names, at, run, layer, input, prepared, state),
  });
}

function causalLayer(
  config: CausalConfig,
  names: CausalNames,
  at: (layer: number) => string,
  { parameters }: Run,
  layer: number,
  x: tf.Tensor2D,
  prepared: { plan: AttentionPlan } & Positions,
  state: DropoutState | undefined,
): tf.Tensor2D {
  const { heads, dropout: drops } = config;
  const apply = (name: string, input: tf.Tensor2D) => dense(parameters, `${at(layer)}.${name}`, input);
  const norm = (name: string) => (input: tf.Tensor2D) =>
    normalized(parameters, `${at(layer)}.${name}`, input, config.layerNormEps);
  const turned = (y: tf.Tensor2D) => (prepared.rotary ? rotary(y, heads, prepared.rotary, 'halves') : y);
  const project = (input: tf.Tensor2D): [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D] => {
    if (typeof names.qkv === 'string') return splitByHead(apply(names.qkv, input), heads);
    const [q, k, v] = names.qkv;
    return [apply(q, input), apply(k, input), apply(v, input)];
  };
  const attend = (input: tf.Tensor2D) => {
    const [q, k, v] = project(input);
    const { causal, scale } = config;
    const options = { causal, scale, window: config.windows[layer] as number, bias: prepared.bias };
    const context = attention(turned(q), turned(k), v, heads, prepared.plan, drops.attention, state, options);
    return dropout(apply(names.attentionOutput, context), drops.hidden, state);
  };
  const feed = (input: tf.Tensor2D) => {
    const wide = ACTIVATIONS[config.activation](apply(names.intermediate, input)); // [T, I]
    return dropout(apply(names.output, wide), drops.hidden, state);
  };
  return ORDERS[config.order](x, { norms: [norm(names.norms[0]), norm(names.norms[1])], attend, feed });
}

/** [T, A·3·D] → q, k and v, each [T, A·D]. */
function splitByHead(x: tf.Tensor2D, heads: number): [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D] {
  const T = x.shape[0];
  const apart = tf.split(tf.reshape(x, [T, heads, x.shape[1] / heads]), 3, 2); // each [T, A, D]
  return apart.map((part) => tf.reshape(part, [T, x.shape[1] / 3])) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
}
