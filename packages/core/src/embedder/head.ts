/** What a model computes after pooling: dense layers, and normalization between them. B texts. */

import * as tf from '@tensorflow/tfjs-core';

import { dense } from '../models/layers.ts';
import type { Parameters } from '../models/parameters.ts';
import { gelu, silu } from '../operations/activation.ts';
import { normalize } from '../operations/similarity.ts';

/** torch's classes, by the name a Dense module's config has. */
const ACTIVATIONS: Record<string, (x: tf.Tensor2D) => tf.Tensor2D> = {
  'torch.nn.modules.activation.Tanh': (x) => tf.tanh(x),
  'torch.nn.modules.activation.ReLU': (x) => tf.relu(x),
  'torch.nn.modules.activation.GELU': (x) => gelu(x),
  'torch.nn.modules.activation.SiLU': (x) => silu(x),
  'torch.nn.modules.activation.Sigmoid': (x) => tf.sigmoid(x),
  'torch.nn.modules.linear.Identity': (x) => x,
};

export const DENSE_ACTIVATIONS: readonly string[] = Object.keys(ACTIVATIONS);

export interface DenseModule {
  type: 'Dense';
  /** What its parameters' names begin with. */
  name: string;
  inFeatures: number;
  outFeatures: number;
  bias: boolean;
  /** One of DENSE_ACTIVATIONS. */
  activation: string;
}

export type HeadModule = DenseModule | { type: 'Normalize' };

/** Runs the modules in their order. Call inside tf.tidy. @param x float32 [B, values of the pooling] */
export function runHead(modules: readonly HeadModule[], parameters: Parameters, x: tf.Tensor2D): tf.Tensor2D {
  return modules.reduce((vectors, module) => {
    if (module.type === 'Normalize') return normalize(vectors);
    const activation = ACTIVATIONS[module.activation];
    if (!activation) throw new Error(`internal: no activation ${module.activation}`);
    return activation(dense(parameters, `${module.name}.linear`, vectors));
  }, x);
}
