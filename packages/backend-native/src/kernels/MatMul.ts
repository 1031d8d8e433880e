/** TF.js's BatchMatMul: native/kernels/MatMul.cc. */

import * as tf from '@tensorflow/tfjs-core';

import { defineKernel } from '../define-kernel.ts';

interface Inputs {
  a: tf.TensorInfo;
  b: tf.TensorInfo;
}

interface Attributes {
  transposeA: boolean;
  transposeB: boolean;
}

/** a [..., M, K] (or [..., K, M] transposed) by b [..., K, N]; batches broadcast where one side has a single matrix. */
export const matMul = defineKernel<Inputs, Attributes>(
  tf.BatchMatMul,
  ({ a, b }, { transposeA, transposeB }, backend) => {
    if (a.dtype !== 'float32' || b.dtype !== 'float32') return undefined;
    const [rowsA, columnsA] = a.shape.slice(-2) as [number, number];
    const [rowsB, columnsB] = b.shape.slice(-2) as [number, number];
    const [M, K] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA];
    const N = transposeB ? rowsB : columnsB;
    const batchA = a.shape.slice(0, -2);
    const batchB = b.shape.slice(0, -2);
    const sizeA = tf.util.sizeFromShape(batchA);
    const sizeB = tf.util.sizeFromShape(batchB);
    const sameBatch = tf.util.arraysEqual(batchA, batchB);
    const inner = transposeB ? columnsB : rowsB;
    // What is left out: broadcasts that are not one matrix for all.
    if (inner !== K || !(sameBatch || sizeA === 1 || sizeB === 1)) return undefined;
    const batch = tf.broadcast_util.assertAndGetBroadcastShape(batchA, batchB);
    const c = backend.empty([...batch, M, N]);
    backend.binding.MatMul(
      ...([backend.f32(a), backend.f32(b), backend.f32(c), M, N, K] as const),
      ...([Number(transposeA), Number(transposeB), tf.util.sizeFromShape(batch), null] as const),
    );
    return c;
  },
);
