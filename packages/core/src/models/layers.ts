/** Layers by checkpoint name, and the table of their shapes. T tokens, I inputs, O outputs, H hidden units. */

import * as tf from '@tensorflow/tfjs';

import { embedding } from '../operations/embedding.ts';
import { layerNorm } from '../operations/layer-norm.ts';
import { linear } from '../operations/linear.ts';
import { rmsNorm } from '../operations/rms-norm.ts';
import { type Parameters, parameter } from '../parameters.ts';
import { lengthsOf, type TokenBatch } from '../token-batch.ts';

/** Shapes of parameters, in the order they are named. */
export class Shapes extends Map<string, number[]> {
  /** torch.nn.Linear: weight [O, I], bias [O]. */
  dense(name: string, outputs: number, inputs: number, bias = true): void {
    this.set(`${name}.weight`, [outputs, inputs]);
    if (bias) this.set(`${name}.bias`, [outputs]);
  }

  /** torch.nn.LayerNorm: weight and bias [H]; without a bias also a root-mean-square norm. */
  norm(name: string, size: number, bias = true): void {
    this.set(`${name}.weight`, [size]);
    if (bias) this.set(`${name}.bias`, [size]);
  }

  /** torch.nn.Embedding: weight [rows, columns]. */
  table(name: string, rows: number, columns: number): void {
    this.set(`${name}.weight`, [rows, columns]);
  }
}

/** [T, I] → [T, O] by `name`.weight and, where the family has one, `name`.bias. */
export function dense(parameters: Parameters, name: string, x: tf.Tensor2D): tf.Tensor2D {
  const bias = parameters.get(`${name}.bias`) as tf.Tensor1D | undefined;
  return linear(x, parameter(parameters, `${name}.weight`) as tf.Tensor2D, bias);
}

type Parts<N> = N extends 2 ? [tf.Tensor2D, tf.Tensor2D] : [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];

/** [T, N·O] → N of [T, O]: what one weight computes for several. */
export function split<N extends 2 | 3>(x: tf.Tensor2D, parts: N): Parts<N> {
  return tf.split(x, parts, 1) as Parts<N>;
}

/** Layer normalization of x, or of x + residual; the bias is 0 where the family has none. */
export function normalized(
  parameters: Parameters,
  name: string,
  x: tf.Tensor2D,
  eps: number,
  residual?: tf.Tensor2D,
): tf.Tensor2D {
  const weight = parameter(parameters, `${name}.weight`) as tf.Tensor1D;
  const bias = (parameters.get(`${name}.bias`) as tf.Tensor1D | undefined) ?? tf.zerosLike(weight);
  return layerNorm(x, weight, bias, eps, residual);
}

/**
 * Root-mean-square normalization of the last axis.
 *
 * @param shift Added to the weight: Gemma's are differences from 1.
 */
export function rmsNormalized(
  parameters: Parameters,
  name: string,
  x: tf.Tensor2D,
  eps: number,
  shift: 0 | 1 = 0,
): tf.Tensor2D {
  const weight = parameter(parameters, `${name}.weight`) as tf.Tensor1D;
  return rmsNorm(x, shift === 0 ? weight : tf.add(weight, shift), eps);
}

/** Rows of the table `name`.weight. */
export function rows(parameters: Parameters, name: string, indices: Int32Array): tf.Tensor2D {
  return embedding(parameter(parameters, `${name}.weight`) as tf.Tensor2D, indices);
}

/** Each token's place in its own text, plus `offset`; int32 [T]. */
export function positionsOf(batch: TokenBatch, offset = 0): Int32Array {
  return Int32Array.from(lengthsOf(batch).flatMap((length) => Array.from({ length }, (_, t) => t + offset)));
}
