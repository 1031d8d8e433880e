/** Cosine similarity of embeddings. N and M embeddings of H values. */

import * as tf from '@tensorflow/tfjs-core';

import { requireKind } from '../arguments.ts';
import { OptionError } from '../errors.ts';
import { MATRIX, requireRows } from '../tensor-arguments.ts';

const EPS = 1e-8; // torch.nn.functional.cosine_similarity's

/** Rows divided by their length. @param x float32 [N, H] @returns float32 [N, H] */
export function normalize(x: tf.Tensor2D): tf.Tensor2D {
  requireKind(x, MATRIX, 'x');
  return tf.tidy(() => {
    // The maximum is taken before the root, whose gradient at 0 is infinite.
    const length = tf.sqrt(tf.maximum(tf.sum(tf.square(x), 1, true), EPS ** 2));
    return tf.div(x, length) as tf.Tensor2D;
  });
}

/** Cosine of every row of a with every row of b. @param a [N, H] @param b [M, H] @returns [N, M] */
export function cosineMatrix(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D {
  for (const [name, matrix] of Object.entries({ a, b })) requireKind(matrix, MATRIX, name);
  if (a.shape[1] !== b.shape[1]) {
    const what = `has rows of ${b.shape[1]} values, and a of ${a.shape[1]}`;
    throw new OptionError(what, 'b', 'give embeddings of one model');
  }
  return tf.tidy(() => tf.matMul(normalize(a), normalize(b), false, true));
}

/** Cosine of row i of a with row i of b. @param a [N, H] @param b [N, H] @returns [N] */
export function cosineRows(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor1D {
  requireRows({ a, b });
  return tf.tidy(() => tf.sum(tf.mul(normalize(a), normalize(b)), 1) as tf.Tensor1D);
}
