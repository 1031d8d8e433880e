/** Layers by checkpoint name, and the table of their shapes. T tokens, I inputs, O outputs, H hidden units. */

import * as tf from '@tensorflow/tfjs-core';

import { NAME } from '@uniem/hub/arguments';

import { requireKind } from '../arguments.ts';
import { ModelError } from '../errors.ts';
import { embedding } from '../operations/embedding.ts';
import { layerNorm } from '../operations/layer-norm.ts';
import { linear, linearByColumns } from '../operations/linear.ts';
import { rmsNorm } from '../operations/rms-norm.ts';
import { lengthsOf, type TokenBatch } from '../tokenizer/token-batch.ts';
import { type Parameters, parameter } from './parameters.ts';

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

/** [T, I] → [T, O] by `name`.weight and, where the family has one, `name`.bias; plus its adapter's part. */
export function dense(parameters: Parameters, name: string, x: tf.Tensor2D): tf.Tensor2D {
  const bias = parameters.get(`${name}.bias`) as tf.Tensor1D | undefined;
  return adapted(parameters, name, x, linear(x, parameter(parameters, `${name}.weight`) as tf.Tensor2D, bias));
}

/** The same by a weight laid out [I, O], as GPT-2's. */
export function denseByColumns(parameters: Parameters, name: string, x: tf.Tensor2D): tf.Tensor2D {
  const [weight, bias] = ['weight', 'bias'].map((part) => parameter(parameters, `${name}.${part}`));
  return adapted(parameters, name, x, linearByColumns(x, weight as tf.Tensor2D, bias as tf.Tensor1D));
}

/** Whether a dense layer's weight is laid out [I, O]: GPT-2's. */
export function isByColumns(name: string): boolean {
  requireKind(name, NAME, 'name');
  return /(^|\.)h\.\d+\.(attn\.c_attn|attn\.c_proj|mlp\.c_fc|mlp\.c_proj)(\.weight)?$/.test(name);
}

/** y plus what the low-rank adapter of `name` adds, where there is one: s·(x·Aᵀ)·Bᵀ. Source: arXiv 2106.09685. */
function adapted(parameters: Parameters, name: string, x: tf.Tensor2D, y: tf.Tensor2D): tf.Tensor2D {
  const names = adapterNames(name);
  const down = parameters.get(names.down) as tf.Tensor2D | undefined;
  if (!down) return y;
  const low = tf.mul(linear(x, down), parameter(parameters, names.scale)) as tf.Tensor2D; // [T, rank]
  return tf.add(y, linear(low, parameter(parameters, names.up) as tf.Tensor2D));
}

/** An adapter's parameters: A [rank, I] and B [O, rank] by PEFT's names, and their scale, which does not train. */
export const adapterNames = (name: string) => {
  requireKind(name, NAME, 'name');
  return {
    down: `${name}.lora_A.weight`,
    up: `${name}.lora_B.weight`,
    scale: `${name}.lora_scale`,
  };
};

type Parts<N> = N extends 2 ? [tf.Tensor2D, tf.Tensor2D] : [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];

/** [T, N·O] → N of [T, O]: what one weight computes for several. */
export function split<N extends 2 | 3>(x: tf.Tensor2D, parts: N): Parts<N> {
  return tf.split(x, parts, 1) as Parts<N>;
}

/** Layer normalization of x, or of x + residual; without a bias where the family has none. */
export function normalized(
  parameters: Parameters,
  name: string,
  x: tf.Tensor2D,
  eps: number,
  residual?: tf.Tensor2D,
): tf.Tensor2D {
  const weight = parameter(parameters, `${name}.weight`) as tf.Tensor1D;
  const bias = parameters.get(`${name}.bias`) as tf.Tensor1D | undefined;
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

/**
 * Rows of the table `name`.weight; indices past its end are rows of `name`.added, which prefix training adds.
 *
 * @throws ModelError for an index past both, as a tokenizer of another model gives.
 */
export function rows(parameters: Parameters, name: string, indices: Int32Array): tf.Tensor2D {
  const table = parameter(parameters, `${name}.weight`) as tf.Tensor2D;
  const added = parameters.get(addedRows(name)) as tf.Tensor2D | undefined;
  const count = table.shape[0] + (added?.shape[0] ?? 0);
  const past = indices.find((index) => index >= count); // engines give zeros, NaN or an error of their own
  if (past !== undefined) {
    throw new ModelError(
      `has ${count} rows, and a token asks for row ${past}`,
      `tensor ${name}.weight`,
      'use the tokenizer of this model',
    );
  }
  if (!added) return embedding(table, indices);
  const size = table.shape[0];
  const own = embedding(
    table,
    indices.map((index) => Math.min(index, size - 1)),
  );
  const more = embedding(
    added,
    indices.map((index) => Math.max(index - size, 0)),
  );
  const isAdded = tf.tensor2d(
    Float32Array.from(indices, (index) => (index < size ? 0 : 1)),
    [indices.length, 1],
  );
  return tf.add(tf.mul(own, tf.sub(1, isAdded)), tf.mul(more, isAdded));
}

export function addedRows(name: string): string {
  requireKind(name, NAME, 'name');
  return `${name}.added`;
}

/** Each token's place in its own text, plus `offset`; int32 [T]. */
export function positionsOf(batch: TokenBatch, offset = 0): Int32Array {
  return Int32Array.from(lengthsOf(batch).flatMap((length) => Array.from({ length }, (_, t) => t + offset)));
}
