/** One of two float tensors, value by value: native/kernels/Select.cc. */

import * as tf from '@tensorflow/tfjs-core';

import { defineKernel } from '../define-kernel.ts';

interface Inputs {
  /** bool */
  condition: tf.TensorInfo;
  t: tf.TensorInfo;
  e: tf.TensorInfo;
}

export const select = defineKernel<Inputs>(tf.Select, ({ condition, t, e }, _attributes, backend) => {
  const floats = t.dtype === 'float32' && e.dtype === 'float32' && condition.dtype === 'bool';
  if (!floats || !tf.util.arraysEqual(condition.shape, t.shape)) return undefined; // a condition a row: TF.js's kernel
  const element = backend.elementOf(t) === 'bf16' && backend.elementOf(e) === 'bf16' ? 'bf16' : 'f32';
  const y = backend.empty(t.shape, element);
  backend.binding.Select(backend.u8(condition), backend.as(t, element), backend.as(e, element), backend.array(y));
  return y;
});
