/** y = x·Wᵀ + b over packed tokens, with torch.nn.Linear's weight layout. T tokens, I inputs, O outputs. */

import * as tf from '@tensorflow/tfjs-core';

import { differentiable, hasKernel, runKernel } from './differentiable.ts';
import { currentPrecision } from './precision.ts';

/**
 * @param x float32 [T, I]
 * @param weight float32 [O, I]
 * @param bias float32 [O]; left out, 0.
 * @returns float32 [T, O]
 */
export function linear(x: tf.Tensor2D, weight: tf.Tensor2D, bias?: tf.Tensor1D): tf.Tensor2D {
  if (!hasKernel('Linear')) {
    return tf.tidy(() => {
      const product = tf.matMul(x, weight, false, true);
      return (bias ? tf.add(product, bias) : product) as tf.Tensor2D;
    });
  }
  return fused(bias ? { x, weight, bias } : { x, weight }, false);
}

/**
 * y = x·W + b, the weight laid out as GPT-2's (transformers' Conv1D).
 *
 * @param x float32 [T, I]
 * @param weight float32 [I, O]
 * @param bias float32 [O]
 * @returns float32 [T, O]
 */
export function linearByColumns(x: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor1D): tf.Tensor2D {
  if (!hasKernel('Linear')) return tf.tidy(() => tf.add(tf.matMul(x, weight), bias));
  return fused({ x, weight, bias }, true);
}

interface Inputs extends Record<string, tf.Tensor> {
  x: tf.Tensor;
  weight: tf.Tensor;
}

function fused(inputs: Inputs, byColumns: boolean): tf.Tensor2D {
  const attributes = { byColumns, precision: currentPrecision() };
  return differentiable(
    inputs,
    (save) => {
      save([inputs.x, inputs.weight]);
      return runKernel('Linear', inputs, attributes);
    },
    (dy, saved) => {
      const [x, weight] = saved as [tf.Tensor, tf.Tensor];
      return {
        x: () => runKernel('LinearGradInput', { dy, weight }, attributes),
        weight: () => runKernel('LinearGradWeight', { dy, x }, attributes),
        bias: () => runKernel('ColumnSum', { x: dy }),
      };
    },
  ) as tf.Tensor2D;
}
