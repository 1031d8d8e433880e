/** Root-mean-square normalization over the last axis. Source: arXiv 1910.07467; transformers' LlamaRMSNorm. */

import * as tf from '@tensorflow/tfjs-core';

import { differentiable, hasKernel, runKernel } from './differentiable.ts';

/**
 *   y = x / √(mean(x²) + ε) · weight
 *
 * @param x float32 [N, H]
 * @param weight float32 [H]
 * @returns float32 [N, H]
 */
export function rmsNorm(x: tf.Tensor2D, weight: tf.Tensor1D, eps: number): tf.Tensor2D {
  if (!hasKernel('RmsNorm')) return composite(x, weight, eps);
  return differentiable(
    { x, weight },
    (save) => {
      const [y, inverse] = runKernel<tf.Tensor[]>('RmsNorm', { x, weight }, { eps }) as [tf.Tensor, tf.Tensor];
      save([x, weight, inverse]);
      return y;
    },
    (dy, saved) => {
      const [x, weight, inverse] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
      const gradients = runKernel<tf.Tensor[]>('RmsNormGrad', { dy, x, weight, inverse });
      const [dx, dWeight] = gradients as [tf.Tensor, tf.Tensor];
      return { x: () => dx.clone(), weight: () => dWeight.clone() };
    },
  ) as tf.Tensor2D;
}

function composite(x: tf.Tensor2D, weight: tf.Tensor1D, eps: number): tf.Tensor2D {
  const normalize = tf.customGrad((...args) => {
    const [x, save] = args as unknown as [tf.Tensor2D, tf.GradSaveFunc];
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(x), 1, true), eps)); // [N, 1]
    const value = tf.mul(x, inverse); // [N, H]
    save([value, inverse]);
    return {
      value,
      gradFunc: (dy, saved) => {
        const [y, inverse] = saved as [tf.Tensor2D, tf.Tensor2D];
        return tf.mul(inverse, tf.sub(dy, tf.mul(y, tf.mean(tf.mul(dy, y), 1, true))));
      },
    };
  });
  return tf.tidy(() => tf.mul(normalize(x), weight));
}
