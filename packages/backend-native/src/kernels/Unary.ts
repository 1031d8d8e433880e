/** Functions of one float tensor, value by value: native/kernels/Unary.cc. */

import * as tf from '@tensorflow/tfjs-core';

import { defineKernel } from '../define-kernel.ts';

/** Positions are Unary.cc's operation numbers. */
const OPERATIONS = [
  ...[tf.Abs, tf.Exp, tf.Neg, tf.Relu, tf.Rsqrt],
  ...[tf.Sigmoid, tf.Sqrt, tf.Square, tf.Step, tf.Tanh],
];

export const unary = OPERATIONS.map((name, operation) =>
  defineKernel<{ x: tf.TensorInfo }, { alpha?: number }>(name, ({ x }, { alpha = 0 }, backend) => {
    if (x.dtype !== 'float32') return undefined;
    const y = backend.empty(x.shape, backend.elementOf(x));
    backend.binding.Unary(backend.array(x), backend.array(y), operation, alpha);
    return y;
  }),
);
