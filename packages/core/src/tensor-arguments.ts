/** Checks of arguments that are tensors. */

import * as tf from '@tensorflow/tfjs-core';

import { type Kind, requireKind } from './arguments.ts';
import { OptionError } from './errors.ts';

const isTensor = (value: unknown): value is tf.Tensor => value instanceof tf.Tensor && !value.isDisposed;

/** One that has not been disposed of. */
export const TENSOR: Kind = { name: 'a tensor', is: isTensor };
export const MATRIX: Kind = { name: 'a tensor of rank 2', is: (value) => isTensor(value) && value.rank === 2 };
export const VECTOR: Kind = { name: 'a tensor of rank 1', is: (value) => isTensor(value) && value.rank === 1 };

/** Matrices of rows that belong together, by their names: rank 2, of one shape. */
export function requireRows(matrices: Readonly<Record<string, unknown>>): void {
  const [[first = '', like] = []] = Object.entries(matrices);
  for (const [name, matrix] of Object.entries(matrices)) {
    requireKind(matrix, MATRIX, name);
    const [actual, expected] = [matrix, like].map((tensor) => (tensor as tf.Tensor).shape.join(', '));
    if (actual === expected) continue;
    throw new OptionError(
      `has shape [${actual}], and ${first} has [${expected}]`,
      name,
      'give as many rows of one length',
    );
  }
}

/** Two matrices, whose rows are as long, by their names. */
export function requireWidth(matrices: Readonly<Record<string, tf.Tensor2D>>): void {
  const [[name, given], [other, like]] = Object.entries(matrices) as [[string, tf.Tensor2D], [string, tf.Tensor2D]];
  if (given.shape[1] === like.shape[1]) return;
  const what = `has rows of ${given.shape[1]} values, and ${other} of ${like.shape[1]}`;
  throw new OptionError(what, name, 'give embeddings of one model');
}
