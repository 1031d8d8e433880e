/** Sum over the first or the last axes of a float tensor: native/kernels/ColumnSum.cc, RowSum.cc. */

import * as tf from '@tensorflow/tfjs';

import { defineKernel } from '../define-kernel.ts';

interface Attributes {
  axis: number | number[];
  keepDims: boolean;
}

export const sum = defineKernel<{ x: tf.TensorInfo }, Attributes>(tf.Sum, ({ x }, { axis, keepDims }, backend) => {
  if (x.dtype !== 'float32') return undefined;
  const rank = x.shape.length;
  const axes = tf.util.parseAxisParam(axis, x.shape).sort((a, b) => a - b);
  const first = axes.every((a, i) => a === i);
  const last = axes.every((a, i) => a === rank - axes.length + i);
  // Axes between others are rare: TF.js's kernel transposes for them.
  if (axes.length === 0 || tf.util.sizeFromShape(x.shape) === 0 || !(first || last)) return undefined;
  const kept = x.shape.filter((_, i) => !axes.includes(i));
  const y = backend.empty(keepDims ? x.shape.map((n, i) => (axes.includes(i) ? 1 : n)) : kept);
  const kernel = last ? backend.binding.RowSum : backend.binding.ColumnSum;
  kernel(backend.array(x), backend.f32(y));
  return y;
});
