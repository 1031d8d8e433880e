/** The activations of feed-forward layers. */

import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';

import { differentiable, hasKernel, runKernel } from './differentiable.ts';

const SQRT_HALF = Math.SQRT1_2;
const INVERSE_SQRT_2PI = 1 / Math.sqrt(2 * Math.PI);

/**
 * gelu(x) = x·Φ(x), exact by erf, with the gradient Φ(x) + x·φ(x). Source: arXiv 1606.08415; torch.nn.functional.gelu.
 *
 * @param x float32, any shape.
 */
export function gelu<T extends tf.Tensor>(x: T): T {
  if (!hasKernel('Gelu')) return geluComposite(x);
  return differentiable(
    { x },
    (save) => {
      save([x]);
      return runKernel('Gelu', { x });
    },
    (dy, saved) => ({ x: () => runKernel('GeluGrad', { dy, x: saved[0] as tf.Tensor }) }),
  ) as T;
}

function geluComposite<T extends tf.Tensor>(x: T): T {
  const run = tf.customGrad((...args) => {
    const [x, save] = args as unknown as [tf.Tensor, tf.GradSaveFunc];
    const cdf = normalCdf(x);
    save([x]);
    return {
      value: tf.mul(x, cdf),
      gradFunc: (dy, saved) => {
        const x = saved[0] as tf.Tensor;
        const density = tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), INVERSE_SQRT_2PI);
        return tf.mul(dy, tf.add(normalCdf(x), tf.mul(x, density)));
      },
    };
  });
  return tf.tidy(() => run(x) as T);
}

function normalCdf(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.add(tf.erf(tf.mul(x, SQRT_HALF)), 1), 0.5);
}

/** The tanh approximation. Source: transformers activations.py, NewGELUActivation. */
export function geluNew<T extends tf.Tensor>(x: T): T {
  if (!hasKernel('GeluTanh')) return geluNewComposite(x);
  return differentiable(
    { x },
    (save) => {
      save([x]);
      return runKernel('GeluTanh', { x });
    },
    (dy, saved) => ({ x: () => runKernel('GeluTanhGrad', { dy, x: saved[0] as tf.Tensor }) }),
  ) as T;
}

function geluNewComposite<T extends tf.Tensor>(x: T): T {
  return tf.tidy(() => {
    const inner = tf.mul(tf.add(x, tf.mul(tf.mul(tf.square(x), x), 0.044715)), Math.sqrt(2 / Math.PI));
    return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1)) as T;
  });
}

/** x·σ(x). Source: arXiv 1702.03118. */
export function silu<T extends tf.Tensor>(x: T): T {
  if (!hasKernel('Silu')) return tf.tidy(() => tf.mul(x, tf.sigmoid(x)) as T);
  return differentiable(
    { x },
    (save) => {
      save([x]);
      return runKernel('Silu', { x });
    },
    (dy, saved) => ({ x: () => runKernel('SiluGrad', { dy, x: saved[0] as tf.Tensor }) }),
  ) as T;
}

/** config.json's hidden_act to its function. */
export const ACTIVATIONS = {
  gelu,
  gelu_fast: geluNew,
  gelu_new: geluNew,
  gelu_python: gelu,
  gelu_pytorch_tanh: geluNew,
  silu,
  swish: silu,
  tanh: <T extends tf.Tensor>(x: T): T => tf.tanh(x),
  relu: <T extends tf.Tensor>(x: T): T => tf.relu(x),
} satisfies Record<string, <T extends tf.Tensor>(x: T) => T>;

export type Activation = keyof typeof ACTIVATIONS;

/** An activation's name in a config's schema. */
export const activation = z.enum(Object.keys(ACTIVATIONS) as [Activation, ...Activation[]]);
