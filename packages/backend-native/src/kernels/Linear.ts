/**
 * y = x·Wᵀ + b over tokens and its gradients: native/kernels/MatMul.cc, ColumnSum.cc.
 * T tokens, I inputs, O outputs. In bf16 the products read bf16 and y and dx are kept so; dW and db are float32.
 */

import type * as tf from '@tensorflow/tfjs-core';

import type { Precision } from '../backend.ts';
import { defineKernel } from '../define-kernel.ts';

interface Attributes {
  /** fp32 where it is left out. */
  precision?: Precision;
  /** The weight and its gradient are [I, O]. */
  byColumns?: boolean;
}

/** x [T, I], weight [O, I], bias [O] → y [T, O]. */
export const linear = defineKernel<{ x: tf.TensorInfo; weight: tf.TensorInfo; bias?: tf.TensorInfo }, Attributes>(
  'Linear',
  ({ x, weight, bias }, { byColumns = false, precision }, backend) => {
    const [T, I] = x.shape as [number, number];
    const O = weight.shape[byColumns ? 1 : 0] as number;
    const element = precision === 'bf16' ? 'bf16' : 'f32';
    const y = backend.empty([T, O], element);
    backend.binding.MatMul(
      ...([backend.as(x, element), backend.as(weight, element), backend.array(y), T, O, I] as const),
      ...([0, Number(!byColumns), 1, bias ? backend.f32(bias) : null] as const),
    );
    return y;
  },
);

/** dx = dy·W. dy [T, O], weight [O, I] → [T, I]. */
export const linearGradInput = defineKernel<{ dy: tf.TensorInfo; weight: tf.TensorInfo }, Attributes>(
  'LinearGradInput',
  ({ dy, weight }, { byColumns = false, precision }, backend) => {
    const [T, O] = dy.shape as [number, number];
    const I = weight.shape[byColumns ? 0 : 1] as number;
    const element = precision === 'bf16' ? 'bf16' : 'f32';
    const dx = backend.empty([T, I], element);
    backend.binding.MatMul(
      ...([backend.as(dy, element), backend.as(weight, element), backend.array(dx), T, I, O] as const),
      ...([0, Number(byColumns), 1, null] as const),
    );
    return dx;
  },
);

/** dW = dyᵀ·x. dy [T, O], x [T, I] → float32 [O, I]. */
export const linearGradWeight = defineKernel<{ dy: tf.TensorInfo; x: tf.TensorInfo }, Attributes>(
  'LinearGradWeight',
  ({ dy, x }, { byColumns = false, precision }, backend) => {
    const [T, O] = dy.shape as [number, number];
    const I = x.shape[1] as number;
    const element = precision === 'bf16' ? 'bf16' : 'f32';
    const [left, right, rows, columns] = byColumns ? [x, dy, I, O] : [dy, x, O, I];
    const dWeight = backend.empty([rows, columns]);
    backend.binding.MatMul(
      ...([backend.as(left, element), backend.as(right, element), backend.array(dWeight), rows, columns, T] as const),
      ...([1, 0, 1, null] as const),
    );
    return dWeight;
  },
);

/** db = Σ_t dy[t]. dy [T, O] → float32 [O]. */
export const columnSum = defineKernel<{ x: tf.TensorInfo }>('ColumnSum', ({ x }, _attributes, backend) => {
  const y = backend.empty([x.shape[1] as number]);
  backend.binding.ColumnSum(backend.array(x), backend.f32(y));
  return y;
});
