/**
 * The encoder layer of BERT and its kin: attention, then a feed-forward net, each added to its input and normalized.
 * T tokens, H hidden units, I of the feed-forward net.
 */

import type * as tf from '@tensorflow/tfjs-core';
import { ACTIVATIONS, type Activation } from '../operations/activation.ts';
import { type AttentionPlan, attention, planAttention } from '../operations/attention.ts';
import { type DropoutState, dropout } from '../operations/dropout.ts';
import type { EncoderConfig, Run } from './family.ts';
import { dense, normalized, type Shapes } from './layers.ts';
import type { Parameters } from './parameters.ts';
import { runLayers } from './run-layers.ts';

export interface PostNormConfig extends EncoderConfig {
  heads: number;
  intermediateSize: number;
  activation: Activation;
  layerNormEps: number;
}

/** A family's own names of the layer's parts. */
export interface PostNormNames {
  query: string;
  key: string;
  value: string;
  attentionOutput: string;
  attentionNorm: string;
  intermediate: string;
  output: string;
  outputNorm: string;
  /** A part after which the family has no dropout. */
  undropped?: 'attentionOutput' | 'output';
}

export function postNormShapes(shapes: Shapes, names: PostNormNames, at: string, config: PostNormConfig): void {
  const { hiddenSize: H, intermediateSize: I } = config;
  for (const part of [names.query, names.key, names.value, names.attentionOutput]) {
    shapes.dense(`${at}.${part}`, H, H);
  }
  shapes.norm(`${at}.${names.attentionNorm}`, H);
  shapes.dense(`${at}.${names.intermediate}`, I, H);
  shapes.dense(`${at}.${names.output}`, H, I);
  shapes.norm(`${at}.${names.outputNorm}`, H);
}

/** How a family's attention differs from BERT's. S is what it reads of a batch. */
export interface Attending<S> {
  /** Names, or their beginnings, of parameters that `prepare` reads. */
  shared?: readonly string[];
  prepare(): S;
  /** @param at Where the names of the layer's parameters begin. */
  attend(parts: Heads, at: string, prepared: S, state: DropoutState | undefined): tf.Tensor2D;
  /** What follows the first layer, of its input and its output; it reads parameters that `shared` names. */
  afterFirst?: ((input: tf.Tensor2D, output: tf.Tensor2D, state: DropoutState | undefined) => tf.Tensor2D) | undefined;
}

/** Of all heads, float32 [T, H]. */
export interface Heads {
  q: tf.Tensor2D;
  k: tf.Tensor2D;
  v: tf.Tensor2D;
}

function plain({ heads, dropout: drops }: PostNormConfig, { batch }: Run): Attending<AttentionPlan> {
  return {
    prepare: () => planAttention(batch),
    attend: ({ q, k, v }, _, plan, state) => attention(q, k, v, heads, plan, drops.attention, state),
  };
}

/**
 * Runs layer after layer; the parameters of layer i are under `at(i)`.
 *
 * @returns float32 [T, H]
 */
export function postNormLayers<S = AttentionPlan>(
  config: PostNormConfig & { layers: number },
  names: PostNormNames,
  at: (layer: number) => string,
  run: Run,
  x: tf.Tensor2D,
  attending?: Attending<S>,
): tf.Tensor2D {
  if (!attending) return postNormLayers(config, names, at, run, x, plain(config, run));
  return runLayers(run, x, {
    layers: config.layers,
    prefix: at,
    ...attending,
    layer: (input, layer, prepared, state) => {
      const attend = (parts: Heads) => attending.attend(parts, at(layer), prepared, state);
      const output = postNormLayer(config, names, run.parameters, at(layer), input, attend, state);
      return layer === 0 && attending.afterFirst ? attending.afterFirst(input, output, state) : output;
    },
  });
}

function postNormLayer(
  config: PostNormConfig,
  names: PostNormNames,
  parameters: Parameters,
  at: string,
  x: tf.Tensor2D,
  attend: (parts: Heads) => tf.Tensor2D,
  state: DropoutState | undefined,
): tf.Tensor2D {
  const apply = (name: string, input: tf.Tensor2D) => dense(parameters, `${at}.${name}`, input);
  const norm = (name: string, input: tf.Tensor2D, residual: tf.Tensor2D) =>
    normalized(parameters, `${at}.${name}`, input, config.layerNormEps, residual);
  const dropped = (part: 'attentionOutput' | 'output', y: tf.Tensor2D) =>
    names.undropped === part ? y : dropout(y, config.dropout.hidden, state);
  const context = attend({ q: apply(names.query, x), k: apply(names.key, x), v: apply(names.value, x) });
  const attended = dropped('attentionOutput', apply(names.attentionOutput, context));
  const middle = norm(names.attentionNorm, attended, x);
  const wide = ACTIVATIONS[config.activation](apply(names.intermediate, middle)); // [T, I]
  return norm(names.outputNorm, dropped('output', apply(names.output, wide)), middle);
}
