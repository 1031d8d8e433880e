/** Add, Sub, Multiply and RealDiv of float tensors: native/kernels/Binary.cc. Two bf16 tensors give a bf16 one. */

import * as tf from '@tensorflow/tfjs';

import { defineKernel } from '../define-kernel.ts';

interface Inputs {
  a: tf.TensorInfo;
  b: tf.TensorInfo;
}

/** Positions are Binary.cc's operation numbers. */
const OPERATIONS = [tf.Add, tf.Sub, tf.Multiply, tf.RealDiv];

export const binary = OPERATIONS.map((name, operation) =>
  defineKernel<Inputs>(name, ({ a, b }, _attributes, backend) => {
    if (a.dtype !== 'float32' || b.dtype !== 'float32') return undefined;
    const shape = tf.broadcast_util.assertAndGetBroadcastShape(a.shape, b.shape);
    const stretched = stretches(a.shape, shape) || stretches(b.shape, shape);
    const fits = (operand: number[]) => repeats(operand, shape) || stretches(operand, shape);
    if (!fits(a.shape) || !fits(b.shape)) return undefined;
    if (tf.util.sizeFromShape(shape) !== Math.max(tf.util.sizeFromShape(a.shape), tf.util.sizeFromShape(b.shape))) {
      return undefined; // both are smaller than the result: a column and a row
    }
    const element = backend.elementOf(a) === 'bf16' && backend.elementOf(b) === 'bf16' ? 'bf16' : 'f32';
    const y = backend.empty(shape, element);
    backend.binding.Binary(
      backend.as(a, element),
      backend.as(b, element),
      backend.array(y),
      operation,
      Number(stretched),
    );
    return y;
  }),
);

/** Whether a shape broadcasts by repeating whole: after leading ones, its axes are the result's last. */
function repeats(shape: number[], result: number[]): boolean {
  const leading = shape.findIndex((dimension) => dimension !== 1);
  const own = leading === -1 ? [] : shape.slice(leading);
  return own.every((dimension, i) => dimension === result[result.length - own.length + i]);
}

/** Whether a shape broadcasts by repeating each element: its last axes are ones, the others the result's. */
function stretches(shape: number[], result: number[]): boolean {
  const ones = shape.length - 1 - shape.findLastIndex((dimension) => dimension !== 1);
  if (ones === 0 || ones === shape.length || shape.length !== result.length) return false;
  return shape.slice(0, -ones).every((dimension, i) => dimension === result[i]) && !repeats(shape, result);
}
