/** Rows of a table by index, and their gradient: native/kernels/Gather.cc, ScatterAdd.cc. V rows of H, T indices. */

import type * as tf from '@tensorflow/tfjs-core';

import { defineKernel } from '../define-kernel.ts';

/** table float32 [V, H], indices int32 [T] → float32 [T, H]. */
export const embedding = defineKernel<{ table: tf.TensorInfo; indices: tf.TensorInfo }>(
  'Embedding',
  ({ table, indices }, _attributes, backend) => {
    const H = table.shape[1] as number;
    const y = backend.empty([indices.shape[0] as number, H]);
    backend.binding.Gather(backend.f32(table), backend.i32(indices), H, backend.f32(y));
    return y;
  },
);

/** dy [T, H], indices int32 [T] → float32 [V, H]. */
export const embeddingGrad = defineKernel<{ dy: tf.TensorInfo; indices: tf.TensorInfo }, { rows: number }>(
  'EmbeddingGrad',
  ({ dy, indices }, { rows }, backend) => {
    const H = dy.shape[1] as number;
    const dTable = backend.empty([rows, H]);
    const values = backend.f32(dTable).fill(0);
    backend.binding.ScatterAdd(backend.array(dy), backend.i32(indices), H, values, 0);
    return dTable;
  },
);
