/** One AdamW update in place: native/kernels/AdamW.cc. */

import type * as tf from '@tensorflow/tfjs-core';

import { defineKernel } from '../define-kernel.ts';

interface Inputs {
  parameter: tf.TensorInfo;
  gradient: tf.TensorInfo;
  m: tf.TensorInfo;
  v: tf.TensorInfo;
}

interface Attributes {
  beta1: number;
  beta2: number;
  eps: number;
  /** lr·λ */
  decay: number;
  /** lr / (1 − β₁ᵗ) */
  step: number;
  /** 1 / √(1 − β₂ᵗ) */
  root: number;
}

/** Changes parameter, m and v; returns nothing. */
export const adamW = defineKernel<Inputs, Attributes>(
  'AdamW',
  ({ parameter, gradient, m, v }, { beta1, beta2, eps, decay, step, root }, backend) => {
    const [values, first, second] = [parameter, m, v].map((tensor) => backend.own(tensor)) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    backend.binding.AdamW(values, backend.f32(gradient), first, second, beta1, beta2, eps, decay, step, root, 1);
    return [];
  },
);
