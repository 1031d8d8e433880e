/** Gradient checkpointing: a part of the model whose activations are not kept but computed again in backward. */

import * as tf from '@tensorflow/tfjs';

import { differentiable, withinBackward } from './differentiable.ts';

/**
 * Runs `part` on x; only x is kept for backward. Source: arXiv 1604.06174.
 *
 * @param parameters The variables `part` reads, all of them.
 * @param part Must give the same result when run again, dropout included, and make its own constants.
 */
export function recompute(
  x: tf.Tensor2D,
  parameters: readonly tf.Variable[],
  part: (x: tf.Tensor2D) => tf.Tensor2D,
): tf.Tensor2D {
  const inputs: Record<string, tf.Tensor> = Object.fromEntries([x, ...parameters].map((tensor, i) => [i, tensor]));
  return differentiable(
    inputs,
    (save) => {
      save([x]);
      return part(x);
    },
    (dy, saved) => {
      const x = saved[0] as tf.Tensor2D;
      const trained = parameters.filter(({ trainable }) => trainable);
      const gradients = backward(() => part(x), [x, ...trained], dy);
      return Object.fromEntries(
        [x, ...parameters].map((tensor, i) => {
          const gradient = gradients[i === 0 ? 0 : trained.indexOf(tensor as tf.Variable) + 1];
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
