/**
 * The encoder layer of BERT and its kin: attention, then a feed-forward net, each added to its input and normalized.
 * T tokens, H hidden units, I of the feed-forward net.
 */

import type * as tf from '@tensorflow/tfjs';
import { ACTIVATIONS, type Activation } from '../operations/activation.ts';
import { type AttentionPlan, attention, planAttention } from '../operations/attention.ts';
import { type DropoutState, dropout } from '../operations/dropout.ts';
import type { Parameters } from '../parameters.ts';
import type { EncoderConfig, Run } from './family.ts';
import { dense, normalized, type Shapes } from './layers.ts';
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

/**
 * Runs layer after layer; the parameters of layer i are under `at(i)`.
 *
 * @param relative What relative positions add to the scores, float32 [A, L, L], of the parameters named `shared`.
 * @returns float32 [T, H]
 */
export function postNormLayers(
  config: PostNormConfig & { layers: number },
  names: PostNormNames,
  at: (layer: number) => string,
  run: Run,
  x: tf.Tensor2D,
  relative?: { shared: string; bias: () => tf.Tensor3D },
): tf.Tensor2D {
  return runLayers(run, x, {
    layers: config.layers,
    prefix: at,
    shared: relative ? [relative.shared] : [],
    prepare: () => ({ plan: planAttention(run.batch), bias: relative?.bias() }),
    layer: (input, layer, prepared, state) =>
      postNormLayer(config, names, run.parameters, at(layer), input, prepared, state),
  });
}

function postNormLayer(
  config: PostNormConfig,
  names: PostNormNames,
  parameters: Parameters,
  at: string,
  x: tf.Tensor2D,
  { plan, bias }: { plan: AttentionPlan; bias: tf.Tensor3D | undefined },
  state: DropoutState | undefined,
): tf.Tensor2D {
  const apply = (name: string, input: tf.Tensor2D) => dense(parameters, `${at}.${name}`, input);
  const norm = (name: string, input: tf.Tensor2D, residual: tf.Tensor2D) =>
    normalized(parameters, `${at}.${name}`, input, config.layerNormEps, residual);
  const dropped = (part: 'attentionOutput' | 'output', y: tf.Tensor2D) =>
    names.undropped === part ? y : dropout(y, config.dropout.hidden, state);
  const [q, k, v] = [apply(names.query, x), apply(names.key, x), apply(names.value, x)] as const;
  const context = attention(q, k, v, config.heads, plan, config.dropout.attention, state, { bias });
  const attended = dropped('attentionOutput', apply(names.attentionOutput, context));
  const middle = norm(names.attentionNorm, attended, x);
  const wide = ACTIVATIONS[config.activation](apply(names.intermediate, middle)); // [T, I]
  return norm(names.outputNorm, dropped('output', apply(names.output, wide)), middle);
}
