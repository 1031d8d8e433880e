/** Checks of arguments that fail with an OptionError. */

import * as tf from '@tensorflow/tfjs-core';
import { argumentChecks, type Kind, NUMBER } from '@uniem/hub/arguments';

import { OptionError } from './errors.ts';

export {
  CALLBACK,
  COUNT,
  FLAG,
  INDEX,
  type Kind,
  NAME,
  NUMBER,
  OBJECT,
  oneOf,
  TEXT,
} from '@uniem/hub/arguments';

export const { requireKind, requireList, requireOptions } = argumentChecks(
  (what, where, fix) => new OptionError(what, where, fix),
);

const isTensor = (value: unknown): value is tf.Tensor => value instanceof tf.Tensor && !value.isDisposed;

/** One that has not been disposed of. */
export const TENSOR: Kind = { name: 'a tensor', is: isTensor };
export const MATRIX: Kind = { name: 'a tensor of rank 2', is: (value) => isTensor(value) && value.rank === 2 };
export const VECTOR: Kind = { name: 'a tensor of rank 1', is: (value) => isTensor(value) && value.rank === 1 };
export const MAP: Kind = { name: 'a Map', is: (value) => value instanceof Map };
export const POSITIVE: Kind = {
  name: 'a finite number above 0',
  is: (value) => NUMBER.is(value) && (value as number) > 0,
};
/** An array or a typed array, as of labels. */
export const NUMBERS: Kind = {
  name: 'a list of finite numbers',
  is: (value) =>
    (Array.isArray(value) || ArrayBuffer.isView(value)) && Array.from(value as number[]).every(Number.isFinite),
};
export const BATCH: Kind = {
  name: 'a batch of packed tokens',
  is: (value) => {
    const { inputIds, offsets } = (value ?? {}) as Record<string, unknown>;
    return inputIds instanceof Int32Array && offsets instanceof Int32Array && offsets.at(-1) === inputIds.length;
  },
};

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
