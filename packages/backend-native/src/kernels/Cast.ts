/** Casts between float32, int32 and bool: native/kernels/Cast.cc. */

import * as tf from '@tensorflow/tfjs-core';

import { defineKernel } from '../define-kernel.ts';

export const cast = defineKernel<{ x: tf.TensorInfo }, { dtype: tf.DataType }>(tf.Cast, ({ x }, { dtype }, backend) => {
  const size = tf.util.sizeFromShape(x.shape);
  if (x.dtype === 'float32' && (dtype === 'int32' || dtype === 'bool')) {
    const values = dtype === 'int32' ? new Int32Array(size) : new Uint8Array(size);
    backend.binding.Cast(backend.f32(x), values);
    return backend.makeTensorInfo(x.shape, dtype, values);
  }
  if (dtype === 'float32' && (x.dtype === 'int32' || x.dtype === 'bool')) {
    const y = backend.empty(x.shape);
    backend.binding.Cast(x.dtype === 'int32' ? backend.i32(x) : backend.u8(x), backend.f32(y));
    return y;
  }
  return undefined; // nothing to do, or a dtype of its own
});
