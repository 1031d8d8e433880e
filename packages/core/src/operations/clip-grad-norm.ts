/** Gradients of a step scaled down to a global norm. Agrees with torch.nn.utils.clip_grad_norm_. */

import * as tf from '@tensorflow/tfjs-core';

import { AT_LEAST_0, requireKind, requireList } from '../arguments.ts';
import { TENSOR } from '../tensor-arguments.ts';
import { hasKernel, runKernel } from './differentiable.ts';

/** torch's: a norm of 0 divides nothing by nothing. */
const EPS = 1e-6;

export interface ClippedGradients {
  /** In the order given. */
  clipped: tf.Tensor[];
  /** Scalar, before clipping; NaN or infinite where a gradient is. */
  norm: tf.Scalar;
}

/**
 *   norm = √(Σ over all values of g²),  g ← g·min(1, maxNorm / (norm + 1e-6))
 *
 * Takes ownership of the tensors: only `clipped` is left of them.
 *
 * @param tensors float32, any shapes.
 */
export function clipGradNorm(tensors: readonly tf.Tensor[], maxNorm: number): ClippedGradients {
  requireList(tensors, TENSOR, 'tensors');
  requireKind(maxNorm, AT_LEAST_0, 'maxNorm');
  const [norm, ...clipped] = tf.tidy(() => (hasKernel('ClipGradNorm') ? fused : composite)(tensors, maxNorm)) as [
    tf.Scalar,
    ...tf.Tensor[],
  ];
  tf.dispose([...tensors]);
  return { clipped, norm };
}

function fused(tensors: readonly tf.Tensor[], maxNorm: number): tf.Tensor[] {
  return runKernel('ClipGradNorm', { ...tensors } as unknown as Record<string, tf.Tensor>, { maxNorm, eps: EPS });
}

function composite(tensors: readonly tf.Tensor[], maxNorm: number): tf.Tensor[] {
  const squares = tensors.map((tensor) => tf.sum(tf.square(tensor)));
  const norm = tf.sqrt(squares.reduce((sum, square) => tf.add(sum, square), tf.scalar(0)));
  const factor = tf.minimum(tf.div(maxNorm, tf.add(norm, EPS)), 1);
  return [norm, ...tensors.map((tensor) => tf.mul(tensor, factor))];
}
