/** A differentiable operation on an engine's own kernels: gradients on demand, saved tensors freed as backward passes. */

import * as tf from '@tensorflow/tfjs-core';

type Tensors = Record<string, tf.Tensor>;

interface CustomKernel<I> {
  inputs: I;
  forwardFunc: (backend: tf.KernelBackend, save: tf.GradSaveFunc) => tf.Tensor;
  backwardsFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => { [K in keyof I]: () => tf.Tensor };
}

/** Whether the current engine has a kernel of this name. */
export function hasKernel(name: string): boolean {
  return (tf.getKernel(name, tf.getBackend()) as tf.KernelConfig | undefined) !== undefined;
}

/** Runs a kernel of the current engine. */
export function runKernel<R extends tf.Tensor | tf.Tensor[]>(
  name: string,
  inputs: Tensors,
  attributes: object = {},
): R {
  return tf.engine().runKernel(name, inputs, attributes as tf.NamedAttrMap) as R;
}

/** What backward has read last: nothing needs it once the node before it is asked. */
let passed: tf.Tensor[] = [];

/**
 * tf.customGrad computes the gradient of every input, wanted or not. This calls a gradient only where something that
 * trains depends on it, so frozen weights cost nothing, and gives memory back while backward runs.
 *
 * @param forward Saves what the gradient needs and returns the result, a new tensor.
 * @param gradients A thunk for each input; each returns a new tensor, never dy or a saved one.
 */
export function differentiable<I extends Tensors>(
  inputs: I,
  forward: (save: tf.GradSaveFunc) => tf.Tensor,
  gradients: (dy: tf.Tensor, saved: tf.Tensor[]) => { [K in keyof I]: () => tf.Tensor },
): tf.Tensor {
  // The engine's own entry point under customGrad, which TF.js 4.22 keeps private.
  const engine = tf.engine() as unknown as { runKernelFunc(kernel: CustomKernel<I>): tf.Tensor };
  return engine.runKernelFunc({
    inputs,
    forwardFunc: (_backend, save) => forward(save),
    backwardsFunc: (dy, saved) => {
      tf.dispose(passed);
      passed = [dy, ...saved];
      return gradients(dy, saved);
    },
  });
}

/** Runs a backward pass inside a gradient: what the outer one still reads is not given away. */
export function withinBackward<T>(run: () => T): T {
  const held = passed;
  passed = [];
  try {
    return run();
  } finally {
    tf.dispose(passed);
    passed = held;
  }
}
