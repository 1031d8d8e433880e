/** What ALiBi adds to attention's scores: a key's distance, by a slope of each head. L tokens of the longest text, A heads. */

import * as tf from '@tensorflow/tfjs-core';

import { longestOf, type TokenBatch } from '../tokenizer/token-batch.ts';
import { hasKernel, runKernel } from './differentiable.ts';

/**
 *   bias[a,i,j] = slope(a)·(j − i)
 *
 * Source: arXiv 2108.12409.
 *
 * @returns float32 [A, L, L]
 */
export function alibi(batch: TokenBatch, heads: number): tf.Tensor3D {
  return tf.tidy(() => {
    if (hasKernel('Alibi')) return runKernel('Alibi', {}, { slopes: slopes(heads) });
    const L = longestOf(batch);
    const places = tf.range(0, L, 1, 'float32');
    const distances = tf.sub(tf.reshape(places, [1, 1, L]), tf.reshape(places, [1, L, 1]));
    return tf.mul(tf.tensor3d(slopes(heads), [heads, 1, 1]), distances);
  });
}

/** 2^(−8/A), its square, and so on; where A is no power of 2, those of the power below, then every other of the next. */
function slopes(heads: number): number[] {
  const power = 2 ** Math.floor(Math.log2(heads));
  const one = (place: number, of: number) => 2 ** ((-8 * place) / of);
  return Array.from({ length: heads }, (_, head) =>
    head < power ? one(head + 1, power) : one(2 * (head - power) + 1, 2 * power),
  );
}
