/**
 * The encoder layer of BERT and its kin: attention, then a feed-forward net, each added to its input and normalized.
 * T tokens, H hidden units, I of the feed-forward net.
 */

import type * as tf from '@tensorflow/tfjs';
import type { EncoderConfig } from '../config.ts';
import { ACTIVATIONS, type Activation } from '../operations/activation.ts';
import { type AttentionPlan, attention } from '../operations/attention.ts';
import { type DropoutState, dropout } from '../operations/dropout.ts';
import type { Parameters } from '../parameters.ts';
import { dense, normalized, type Shapes } from './layers.ts';

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

/** @returns float32 [T, H] */
export function postNormLayer(
  config: PostNormConfig,
  names: PostNormNames,
  parameters: Parameters,
  at: string,
  x: tf.Tensor2D,
  plan: AttentionPlan,
  state: DropoutState | undefined,
): tf.Tensor2D {
  const apply = (name: string, input: tf.Tensor2D) => dense(parameters, `${at}.${name}`, input);
  const norm = (name: string, input: tf.Tensor2D, residual: tf.Tensor2D) =>
    normalized(parameters, `${at}.${name}`, input, config.layerNormEps, residual);
  const { hidden, attention: attentionDropout } = config.dropout;
  const [q, k, v] = [apply(names.query, x), apply(names.key, x), apply(names.value, x)] as const;
  const context = attention(q, k, v, config.heads, plan, attentionDropout, state);
  const middle = norm(names.attentionNorm, dropout(apply(names.attentionOutput, context), hidden, state), x);
  const wide = ACTIVATIONS[config.activation](apply(names.intermediate, middle)); // [T, I]
  return norm(names.outputNorm, dropout(apply(names.output, wide), hidden, state), middle);
}
