/** y = x·Wᵀ + b over packed tokens, with torch.nn.Linear's weight layout. T tokens, I inputs, O outputs. */

import * as tf from '@tensorflow/tfjs';

import { differentiable, hasKernel, runKernel } from './differentiable.ts';

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
  const inputs: Record<string, tf.Tensor> = bias ? { x, weight, bias } : { x, weight };
  return differentiable(
    inputs,
    (save) => {
      save([x, weight]);
      return runKernel('Linear', inputs);
    },
    (dy, saved) => {
      const [x, weight] = saved as [tf.Tensor, tf.Tensor];
      return {
        x: () => runKernel('LinearGradInput', { dy, weight }),
        weight: () => runKernel('LinearGradWeight', { dy, x }),
        bias: () => runKernel('ColumnSum', { x: dy }),
      };
    },
  ) as tf.Tensor2D;
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
  return tf.tidy(() => tf.add(hasKernel('Linear') ? productByColumns(x, weight) : tf.matMul(x, weight), bias));
}

/** By the kernels of `linear`, with the parts changed: its gradient of x is what the weight's transpose makes. */
function productByColumns(x: tf.Tensor2D, weight: tf.Tensor2D): tf.Tensor {
  return differentiable(
    { x, weight },
    (save) => {
      save([x, weight]);
      return runKernel('LinearGradInput', { dy: x, weight });
    },
    (dy, saved) => {
      const [x, weight] = saved as [tf.Tensor, tf.Tensor];
      return {
        x: () => runKernel('Linear', { x: dy, weight }),
        weight: () => runKernel('LinearGradWeight', { dy: x, x: dy }),
      };
    },
  );
}
