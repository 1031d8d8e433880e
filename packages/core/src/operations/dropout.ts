/** Dropout with a counter-based generator: the same seed and place give the same mask on every engine. */

import * as tf from '@tensorflow/tfjs-core';

import { INDEX } from '@uniem/hub/arguments';

import { requireKind } from '../arguments.ts';
import { differentiable, hasKernel, runKernel } from './differentiable.ts';

/** Draws for the dropout places of one forward pass; every place takes the next counter. */
export interface DropoutState {
  seed: number;
  place: number;
}

/** The state of a forward pass: `step` and `seed` decide every mask in it. */
export function dropoutState(seed: number, step: number): DropoutState {
  requireKind(seed, INDEX, 'seed');
  requireKind(step, INDEX, 'step');
  return { seed: hash32(seed ^ Math.imul(step + 1, 0x9e3779b9)), place: 0 };
}

/**
 * y = x·mask / (1 − probability), mask 0 with the probability. The identity when state is undefined (evaluation).
 *
 * tf.dropout is not used: it draws with seedrandom in JavaScript, 81 ns an element; this takes about 3.
 *
 * @param x float32, any shape.
 */
export function dropout<T extends tf.Tensor>(x: T, probability: number, state: DropoutState | undefined): T {
  if (!state || probability === 0) return x;
  const key = nextDropoutKey(state);
  if (hasKernel('Dropout') && probability < 1) {
    const run = (input: tf.Tensor) => runKernel<tf.Tensor>('Dropout', { x: input }, { key, probability });
    return differentiable(
      { x },
      () => run(x),
      (dy) => ({ x: () => run(dy) }), // the mask is drawn again, not kept
    ) as T;
  }
  return tf.tidy(() => tf.mul(x, dropoutMask(x.shape, probability, key)) as T);
}

/** The key of the next place's mask: element i is dropped where hash32(key + i) < probability·2³². */
export function nextDropoutKey(state: DropoutState): number {
  return hash32(state.seed + Math.imul(++state.place, 0x85ebca6b));
}

/** float32: 0 or 1 / (1 − probability), as `dropout` of that key multiplies by. */
export function dropoutMask(shape: number[], probability: number, key: number): tf.Tensor {
  const mask = new Float32Array(shape.reduce((product, dimension) => product * dimension, 1));
  const threshold = probability * 2 ** 32;
  const kept = probability === 1 ? 0 : 1 / (1 - probability);
  for (let i = 0; i < mask.length; i++) {
    mask[i] = hash32(key + i) < threshold ? 0 : kept;
  }
  return tf.tensor(mask, shape, 'float32');
}

/** A 32-bit integer mixer. Source: murmur3's finalizer over a Weyl step. */
function hash32(value: number): number {
  let h = Math.imul(value, 0x9e3779b9);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
