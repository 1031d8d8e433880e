/** A float tensor several times over along its axes: native/kernels/Tile.cc. */

import * as tf from '@tensorflow/tfjs-core';

import type { NativeBackend } from '../backend.ts';
import { defineKernel } from '../define-kernel.ts';

export const tile = defineKernel<{ x: tf.TensorInfo }, { reps: number[] }>(tf.Tile, ({ x }, { reps }, backend) => {
  if (x.dtype !== 'float32' || reps.length !== x.shape.length) return undefined;
  let result = x;
  reps.forEach((times, axis) => {
    if (times === 1) return;
    const tiled = tiledAlong(result, axis, times, backend);
    if (result !== x) backend.disposeIntermediateTensorInfo(result);
    result = tiled;
  });
  return result === x ? backend.same(x) : result;
});

function tiledAlong(x: tf.TensorInfo, axis: number, times: number, backend: NativeBackend): tf.TensorInfo {
  const shape = x.shape.map((n, i) => (i === axis ? n * times : n));
  const y = backend.empty(shape, backend.elementOf(x));
  const width = tf.util.sizeFromShape(x.shape.slice(axis)); // the axis and all after it are one row
  backend.binding.Tile(backend.array(x), backend.array(y), width, times);
  return y;
}
