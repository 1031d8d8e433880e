/** y = x·Wᵀ + b over packed tokens, with torch.nn.Linear's weight layout. */

import * as tf from '@tensorflow/tfjs';

/**
 * @param x float32 [T, I]
 * @param weight float32 [O, I]
 * @param bias float32 [O]
 * @returns float32 [T, O]
 */
export function linear(x: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor1D): tf.Tensor2D {
  return tf.tidy(() => tf.add(tf.matMul(x, weight, false, true), bias));
}
