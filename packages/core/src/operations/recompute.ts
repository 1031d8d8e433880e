/** Gradient checkpointing: a part of the model whose activations are not kept but computed again in backward. */

import * as tf from '@tensorflow/tfjs-core';

import { differentiable, withinBackward } from './differentiable.ts';
import { currentPrecision, withPrecision } from './precision.ts';

/**
 * Runs `part` on `inputs`; only they are kept for backward. Source: arXiv 1604.06174.
 *
 * @param parameters The variables `part` reads, all of them.
 * @param part Must give the same result when run again, dropout included, and make its own constants.
 */
export function recompute(
  inputs: readonly tf.Tensor2D[],
  parameters: readonly tf.Variable[],
  part: (...inputs: tf.Tensor2D[]) => tf.Tensor2D,
): tf.Tensor2D {
  const precision = currentPrecision();
  const all: Record<string, tf.Tensor> = Object.fromEntries([...inputs, ...parameters].map((tensor, i) => [i, tensor]));
  return differentiable(
    all,
    (save) => {
      save([...inputs]);
      return part(...inputs);
    },
    (dy, saved) => {
      const kept = saved as tf.Tensor2D[];
      const by = [...kept, ...parameters.filter(({ trainable }) => trainable)];
      const gradients = backward(() => withPrecision(precision, () => part(...kept)), by, dy);
      return Object.fromEntries(
        [...kept, ...parameters].map((tensor, i) => {
          const gradient = gradients[by.indexOf(tensor)];
          return [i, () => (gradient ? gradient.clone() : tf.zerosLike(tensor))];
        }),
      );
    },
  ) as tf.Tensor2D;
}

/** tf.engine().gradients as it can be called while another backward pass runs. */
function backward(forward: () => tf.Tensor, by: tf.Tensor[], dy: tf.Tensor): tf.Tensor[] {
  const { state } = tf.engine();
  const tape = state.activeTape; // gradients() would leave none behind
  try {
    return withinBackward(() => tf.engine().gradients(forward, by, dy, true).grads);
  } finally {
    state.activeTape = tape;
  }
}
