/** One AdamW update of one parameter, in place. Agrees with torch.optim.AdamW. */

import * as tf from '@tensorflow/tfjs-core';

import { COUNT, NUMBER, OBJECT } from '@uniem/hub/arguments';

import { requireKind, requireOptions } from '../arguments.ts';
import { OptionError } from '../errors.ts';
import { TENSOR } from '../tensor-arguments.ts';
import { hasKernel, runKernel } from './differentiable.ts';

/** First and second moment of a parameter; same shape. */
export interface Moments {
  m: tf.Variable;
  v: tf.Variable;
}

export interface AdamWUpdate {
  lr: number;
  beta1: number;
  beta2: number;
  eps: number;
  /** λ; 0 for parameters that do not decay. */
  weightDecay: number;
  /** Number of this update, from 1. */
  t: number;
}

/**
 *   θ ← θ·(1 − lr·λ),  m ← β₁m + (1 − β₁)g,  v ← β₂v + (1 − β₂)g²,  θ ← θ − lr/(1 − β₁ᵗ)·m / (√v/√(1 − β₂ᵗ) + ε)
 *
 * Source: arXiv 1711.05101; torch/optim/adamw.py.
 *
 * @param gradient float32, the parameter's shape.
 */
export function adamW(parameter: tf.Variable, gradient: tf.Tensor, moments: Moments, update: AdamWUpdate): void {
  requireKind(moments, OBJECT, 'moments');
  const { m, v } = moments;
  for (const [name, tensor] of Object.entries({ parameter, gradient, m, v })) {
    requireKind(tensor, TENSOR, name);
    if (tensor.shape.join() === parameter.shape.join()) continue;
    const what = `has shape [${tensor.shape.join(', ')}], and the parameter [${parameter.shape.join(', ')}]`;
    throw new OptionError(what, name, 'give the tensors of one parameter');
  }
  requireOptions(update, UPDATE, 'update');
  const { lr, beta1, beta2, eps, weightDecay, t } = update;
  const step = lr / (1 - beta1 ** t);
  const root = 1 / Math.sqrt(1 - beta2 ** t);
  if (hasKernel('AdamW')) {
    own(parameter);
    runKernel('AdamW', { parameter, gradient, m, v }, { beta1, beta2, eps, decay: lr * weightDecay, step, root });
    return;
  }
  tf.tidy(() => {
    m.assign(tf.add(tf.mul(m, beta1), tf.mul(gradient, 1 - beta1)));
    v.assign(tf.add(tf.mul(v, beta2), tf.mul(tf.square(gradient), 1 - beta2)));
    const change = tf.mul(tf.div(m, tf.add(tf.mul(tf.sqrt(v), root), eps)), step);
    const kept = weightDecay === 0 ? parameter : tf.mul(parameter, 1 - lr * weightDecay);
    parameter.assign(tf.sub(kept, change));
  });
}

const UPDATE = { lr: NUMBER, beta1: NUMBER, beta2: NUMBER, eps: NUMBER, weightDecay: NUMBER, t: COUNT };

/** A clone that somebody holds shares the variable's data: it must not see the update. */
function own(parameter: tf.Variable): void {
  if (tf.backend().refCount(parameter.dataId) > 1) tf.tidy(() => parameter.assign(tf.mul(parameter, 1)));
}
