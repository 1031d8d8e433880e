/** Slice, PadV2, Concat, Pack and SplitV of float tensors along an axis: native/kernels/CopyRows.cc. */

import * as tf from '@tensorflow/tfjs-core';

import type { NativeBackend } from '../backend.ts';
import { defineKernel } from '../define-kernel.ts';

const product = (sizes: number[]) => tf.util.sizeFromShape(sizes);

/** Where one tensor's rows along an axis begin and how long they are: the axis and all after it are one row. */
function rowsAlong(shape: number[], axis: number): { rows: number; stride: number; unit: number } {
  const unit = product(shape.slice(axis + 1));
  return { rows: product(shape.slice(0, axis)), stride: (shape[axis] as number) * unit, unit };
}

/** `size` of the axis from `begin` on, as a new tensor. */
function part(backend: NativeBackend, x: tf.TensorInfo, axis: number, begin: number, size: number): tf.TensorInfo {
  const { rows, stride, unit } = rowsAlong(x.shape, axis);
  const y = backend.empty(
    x.shape.map((n, i) => (i === axis ? size : n)),
    backend.elementOf(x),
  );
  const width = size * unit;
  backend.binding.CopyRows(backend.array(x), backend.array(y), rows, width, begin * unit, stride, 0, width);
  return y;
}

export const slice = defineKernel<{ x: tf.TensorInfo }, { begin: number | number[]; size: number | number[] }>(
  tf.Slice,
  ({ x }, { begin, size }, backend) => {
    if (x.dtype !== 'float32') return undefined;
    const [from, sizes] = tf.slice_util.parseSliceParams(x, begin, size) as [number[], number[]];
    tf.slice_util.assertParamsValid(x, from, sizes);
    const cut = x.shape.flatMap((n, axis) => (sizes[axis] === n ? [] : [axis]));
    if (cut.length > 1 || x.shape.length === 0) return undefined; // several axes at once: TF.js's kernel
    const axis = cut[0] ?? 0;
    return part(backend, x, axis, from[axis] as number, sizes[axis] as number);
  },
);

/** One axis after the other: the gradient of a slice pads along one. */
export const padV2 = defineKernel<{ x: tf.TensorInfo }, { paddings: [number, number][]; constantValue: number }>(
  tf.PadV2,
  ({ x }, { paddings, constantValue }, backend) => {
    const padded = paddings.flatMap(([before, after], axis) => (before + after > 0 ? [axis] : []));
    if (x.dtype !== 'float32' || padded.length === 0) return undefined; // nothing to do, or a dtype of its own
    if (constantValue !== 0 && backend.elementOf(x) === 'bf16') return undefined;
    let y = x;
    for (const axis of padded) {
      const [before, after] = paddings[axis] as [number, number];
      const wider = widened(backend, y, axis, before, after, constantValue);
      if (y !== x) backend.disposeData(y.dataId);
      y = wider;
    }
    return y;
  },
);

function widened(
  backend: NativeBackend,
  x: tf.TensorInfo,
  axis: number,
  before: number,
  after: number,
  value: number,
): tf.TensorInfo {
  const { rows, stride: width, unit } = rowsAlong(x.shape, axis);
  const y = backend.empty(
    x.shape.map((n, i) => (i === axis ? before + n + after : n)),
    backend.elementOf(x),
  );
  const { stride } = rowsAlong(y.shape, axis);
  const array = backend.array(y);
  array.fill(value);
  backend.binding.CopyRows(backend.array(x), array, rows, width, 0, width, before * unit, stride);
  return y;
}

export const splitV = defineKernel<{ x: tf.TensorInfo }, { numOrSizeSplits: number | number[]; axis: number }>(
  tf.SplitV,
  ({ x }, { numOrSizeSplits, axis }, backend) => {
    if (x.dtype !== 'float32') return undefined;
    const along = tf.util.parseAxisParam(axis, x.shape)[0] as number;
    const sizes = tf.backend_util.prepareSplitSize(x as tf.Tensor, numOrSizeSplits, along);
    let begin = 0;
    return sizes.map((size) => {
      begin += size;
      return part(backend, x, along, begin - size, size);
    });
  },
);

export const concat = defineKernel<tf.TensorInfo[], { axis: number }>(tf.Concat, (inputs, { axis }, backend) => {
  const all = Object.values(inputs);
  const first = all[0] as tf.TensorInfo;
  if (all.some(({ dtype }) => dtype !== 'float32') || first.shape.length === 0) return undefined;
  const along = tf.util.parseAxisParam(axis, first.shape)[0] as number;
  tf.backend_util.assertParamsConsistent(
    all.map(({ shape }) => shape),
    along,
  );
  const shape = tf.backend_util.computeOutShape(
    all.map((x) => x.shape),
    along,
  );
  return joined(backend, all, along, shape);
});

export const pack = defineKernel<tf.TensorInfo[], { axis: number }>(tf.Pack, (inputs, { axis }, backend) => {
  const all = Object.values(inputs);
  const { shape, dtype } = all[0] as tf.TensorInfo;
  if (all.some((x) => x.dtype !== 'float32' || !tf.util.arraysEqual(x.shape, shape))) return undefined;
  const along = axis < 0 ? axis + shape.length + 1 : axis;
  const apart = (n: number) => [...shape.slice(0, along), n, ...shape.slice(along)];
  const slices = all.map(({ dataId }) => ({ dataId, shape: apart(1), dtype }));
  return joined(backend, slices, along, apart(all.length));
});

/** Float tensors one after the other along an axis, as one of `shape`. */
function joined(backend: NativeBackend, all: tf.TensorInfo[], along: number, shape: number[]): tf.TensorInfo {
  const element = all.every((x) => backend.elementOf(x) === 'bf16') ? 'bf16' : 'f32';
  const y = backend.empty(shape, element);
  const { stride } = rowsAlong(shape, along);
  let start = 0;
  for (const x of all) {
    const { rows, stride: width } = rowsAlong(x.shape, along);
    backend.binding.CopyRows(backend.as(x, element), backend.array(y), rows, width, 0, width, start, stride);
    start += width;
  }
  return y;
}
