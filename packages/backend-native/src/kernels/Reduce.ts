/** Sum, Mean, Max, Min and Prod of a float tensor over any axes: native/kernels/RowSum.cc, ColumnSum.cc, Reduce.cc. */

import * as tf from '@tensorflow/tfjs-core';

import type { NativeBackend } from '../backend.ts';
import { defineKernel, type Kernel } from '../define-kernel.ts';
import { scaled } from './Binary.ts';
import { permuted } from './Transpose.ts';

interface Attributes {
  axis: number | number[];
  keepDims: boolean;
}

/** Reduces rows of a [rows, n] array to y; `first`, its columns. */
type Rows = (x: tf.TensorInfo, y: tf.TensorInfo, backend: NativeBackend, first: boolean) => void;

/** The result float32, or undefined where there is nothing to reduce or more axes than Transpose takes. */
function reduced(
  x: tf.TensorInfo,
  { axis, keepDims }: Attributes,
  backend: NativeBackend,
  byColumns: boolean,
  rows: Rows,
): tf.TensorInfo | undefined {
  const rank = x.shape.length;
  const axes = tf.util.parseAxisParam(axis, x.shape).sort((a, b) => a - b);
  if (x.dtype !== 'float32' || axes.length === 0 || tf.util.sizeFromShape(x.shape) === 0) return undefined;
  const kept = x.shape.flatMap((_, i) => (axes.includes(i) ? [] : [i]));
  const first = byColumns && kept.length > 0 && axes.every((a, i) => a === i);
  const last = axes.every((a, i) => a === rank - axes.length + i);
  const turned = first || last ? undefined : permuted(x, [...kept, ...axes], backend);
  if (!(first || last || turned)) return undefined;
  const y = backend.empty(x.shape.flatMap((n, i) => (axes.includes(i) ? (keepDims ? [1] : []) : [n])));
  rows(turned ?? x, y, backend, first);
  if (turned) backend.disposeIntermediateTensorInfo(turned);
  return y;
}

const sumRows: Rows = (x, y, backend, first) => {
  const { ColumnSum, RowSum } = backend.binding;
  (first ? ColumnSum : RowSum)(backend.array(x), backend.f32(y));
};

const sum = defineKernel<{ x: tf.TensorInfo }, Attributes>(tf.Sum, ({ x }, attributes, backend) =>
  reduced(x, attributes, backend, true, sumRows),
);

const mean = defineKernel<{ x: tf.TensorInfo }, Attributes>(tf.Mean, ({ x }, attributes, backend) => {
  const total = reduced(x, attributes, backend, true, sumRows);
  if (!total) return undefined;
  const result = scaled(total, tf.util.sizeFromShape(total.shape) / tf.util.sizeFromShape(x.shape), backend);
  backend.disposeIntermediateTensorInfo(total);
  return result;
});

/** TF.js's Max calls its axes otherwise. */
interface MaxAttributes {
  reductionIndices?: number | number[];
}

/** Positions are Reduce.cc's operation numbers. */
const others: Kernel[] = [tf.Max, tf.Min, tf.Prod].map((name, operation) =>
  defineKernel<{ x: tf.TensorInfo }, Attributes & MaxAttributes>(name, ({ x }, attributes, backend) => {
    const { reductionIndices: axis = attributes.axis, keepDims } = attributes;
    return reduced(x, { axis, keepDims }, backend, false, (rows, y) => {
      backend.binding.Reduce(backend.array(rows), backend.f32(y), operation);
    });
  }),
);

export const reductions: Kernel[] = [sum, mean, ...others];
