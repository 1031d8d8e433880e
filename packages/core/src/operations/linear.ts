/** y = x·Wᵀ + b over packed tokens, with torch.nn.Linear's weight layout. T tokens, I inputs, O outputs. */

import * as tf from '@tensorflow/tfjs';

import { differentiable, hasKernel, runKernel } from './differentiable.ts';

/**
 * @param x float32 [T, I]
 * @param weight float32 [O, I]
 * @param bias float32 [O]
 * @returns float32 [T, O]
 */
export function linear(x: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor1D): tf.Tensor2D {
  if (!hasKernel('Linear')) return tf.tidy(() => tf.add(tf.matMul(x, weight, false, true), bias));
  return differentiable(
    { x, weight, bias },
    (save) => {
      save([x, weight]);
      return runKernel('Linear', { x, weight, bias });
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
