/** Rows of a tensor by index, and sums of rows by index: native/kernels/Gather.cc, ScatterAdd.cc. */

import * as tf from '@tensorflow/tfjs-core';

import { defineKernel } from '../define-kernel.ts';

interface GatherInputs {
  x: tf.TensorInfo;
  /** int32 */
  indices: tf.TensorInfo;
}

/** Along the first axis; along others TF.js's kernel gathers. */
export const gatherV2 = defineKernel<GatherInputs, { axis: number; batchDims?: number }>(
  tf.GatherV2,
  ({ x, indices }, { axis, batchDims = 0 }, backend) => {
    const [V, ...row] = x.shape;
    const H = tf.util.sizeFromShape(row);
    const first = tf.util.parseAxisParam(axis, x.shape)[0] === 0 && batchDims === 0;
    if (!first || H === 0 || indices.dtype !== 'int32' || (x.dtype !== 'float32' && x.dtype !== 'int32')) {
      return undefined;
    }
    const rows = backend.i32(indices);
    const wrong = rows.find((index) => index < 0 || index >= (V as number));
    if (wrong !== undefined) throw new Error(`GatherV2: the index value ${wrong} is not in [0, ${(V as number) - 1}]`);
    const shape = [...indices.shape, ...row];
    if (x.dtype === 'float32') {
      const y = backend.empty(shape);
      backend.binding.Gather(backend.f32(x), rows, H, backend.f32(y));
      return y;
    }
    const values = new Int32Array(rows.length * H);
    backend.binding.Gather(bits(backend.i32(x)), rows, H, bits(values));
    return backend.makeTensorInfo(shape, 'int32', values);
  },
);

/** Integers as the floats of the same bits: to move a value is all the kernel does. */
function bits(values: Int32Array): Float32Array {
  return new Float32Array(values.buffer, values.byteOffset, values.length);
}

interface SegmentInputs {
  x: tf.TensorInfo;
  /** int32 */
  segmentIds: tf.TensorInfo;
}

/** y[s] = Σ x[i] over segmentIds[i] = s; ids out of range are left out. */
export const unsortedSegmentSum = defineKernel<SegmentInputs, { numSegments: number }>(
  tf.UnsortedSegmentSum,
  ({ x, segmentIds }, { numSegments }, backend) => {
    const row = x.shape.slice(1);
    const H = tf.util.sizeFromShape(row);
    if (x.dtype !== 'float32' || segmentIds.dtype !== 'int32' || segmentIds.shape.length !== 1 || H === 0) {
      return undefined;
    }
    const y = backend.empty([numSegments, ...row]);
    const sums = backend.f32(y).fill(0);
    backend.binding.ScatterAdd(backend.array(x), backend.i32(segmentIds), H, sums, 1);
    return y;
  },
);
