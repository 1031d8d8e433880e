/** Layer normalization over the last axis, with its gradient. Source: arXiv 1607.06450; torch.nn.LayerNorm. */

import * as tf from '@tensorflow/tfjs-core';

import { differentiable, hasKernel, runKernel } from './differentiable.ts';

/**
 *   s = x + residual,  y = (s − mean(s)) / √(var(s) + ε) · weight + bias        var without Bessel's correction
 *
 * @param x float32 [T, H]
 * @param weight float32 [H]
 * @param bias float32 [H]; left out, 0.
 * @param residual float32 [T, H]; left out, s = x.
 * @returns float32 [T, H]
 */
export function layerNorm(
  x: tf.Tensor2D,
  weight: tf.Tensor1D,
  bias: tf.Tensor1D | undefined,
  eps: number,
  residual?: tf.Tensor2D,
): tf.Tensor2D {
  const inputs: Record<string, tf.Tensor> = { x, weight, ...(bias && { bias }), ...(residual && { residual }) };
  if (!hasKernel('LayerNorm')) return composite(residual ? tf.add(x, residual) : x, weight, bias, eps);
  return differentiable(
    inputs,
    (save) => {
      const [y, mean, inverse, sum = x] = runKernel<tf.Tensor[]>('LayerNorm', inputs, { eps });
      save([sum, weight, mean, inverse] as tf.Tensor[]);
      return y as tf.Tensor;
    },
    (dy, saved) => {
      const [sum, weight, mean, inverse] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      const [dSum, dWeight, dBias] = runKernel<tf.Tensor[]>('LayerNormGrad', { dy, sum, weight, mean, inverse }) as [
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
      ];
      return {
        x: () => dSum.clone(),
        weight: () => dWeight.clone(),
        bias: () => dBias.clone(),
        residual: () => dSum.clone(),
      };
    },
  ) as tf.Tensor2D;
}

/** The gradient is written out: TF.js's own goes through a dozen operations that each keep an activation. */
function composite(x: tf.Tensor2D, weight: tf.Tensor1D, bias: tf.Tensor1D | undefined, eps: number): tf.Tensor2D {
  const normalize = tf.customGrad((...args) => {
    const [x, save] = args as unknown as [tf.Tensor2D, tf.GradSaveFunc];
    const centered = tf.sub(x, tf.mean(x, 1, true)); // [T, H]
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centered), 1, true), eps)); // [T, 1]
    const value = tf.mul(centered, inverse); // [T, H]
    save([value, inverse]);
    return {
      value,
      gradFunc: (dy, saved) => {
        const [y, inverse] = saved as [tf.Tensor2D, tf.Tensor2D];
        const projected = tf.mul(y, tf.mean(tf.mul(dy, y), 1, true));
        return tf.mul(inverse, tf.sub(tf.sub(dy, tf.mean(dy, 1, true)), projected));
      },
    };
  });
  return tf.tidy(() => {
    const scaled = tf.mul(normalize(x), weight) as tf.Tensor2D;
    return bias ? tf.add(scaled, bias) : scaled;
  });
}
