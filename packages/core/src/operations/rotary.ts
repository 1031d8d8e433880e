/**
 * Rotary positions: each pair of values of a head turns by an angle of the token's position.
 * T tokens, A heads of D values, R of them turned. Source: arXiv 2104.09864.
 */

import * as tf from '@tensorflow/tfjs-core';

import { differentiable, hasKernel, runKernel } from './differentiable.ts';

/** Of each token's angles, one a pair of values; float32 [T, 1, R / 2]. */
export interface RotaryTables {
  cos: tf.Tensor3D;
  sin: tf.Tensor3D;
}

/** Which values of a head make a pair: i and i + R/2, or 2i and 2i + 1. */
export type RotaryPairs = 'halves' | 'neighbours';

/**
 * @param positions int32 [T]
 * @param frequencies [R / 2], radians a position; float32 ones make float32 angles, as in torch: those of long texts
 *   differ otherwise.
 * @param factor Of both tables.
 */
export function rotaryTables(
  positions: Int32Array,
  frequencies: Float32Array | Float64Array,
  factor = 1,
): RotaryTables {
  if (hasKernel('RotaryTables')) {
    const places = tf.tensor1d(positions, 'int32');
    const tables = runKernel<tf.Tensor[]>('RotaryTables', { positions: places }, { frequencies, factor });
    const [cos, sin] = tables as [tf.Tensor3D, tf.Tensor3D];
    return { cos, sin };
  }
  const rounded = frequencies instanceof Float32Array ? Math.fround : (angle: number) => angle;
  const shape: [number, number, number] = [positions.length, 1, frequencies.length];
  const cos = new Float32Array(positions.length * frequencies.length);
  const sin = new Float32Array(cos.length);
  positions.forEach((position, t) => {
    frequencies.forEach((frequency, i) => {
      const angle = rounded(position * frequency);
      cos[t * frequencies.length + i] = Math.cos(angle) * factor;
      sin[t * frequencies.length + i] = Math.sin(angle) * factor;
    });
  });
  return { cos: tf.tensor3d(cos, shape), sin: tf.tensor3d(sin, shape) };
}

/**
 *   (y₁, y₂) = (x₁·cos − x₂·sin, x₂·cos + x₁·sin) of each pair; a head's values from R on stay
 *
 * @param x float32 [T, A·D]
 * @returns float32 [T, A·D]
 */
export function rotary(x: tf.Tensor2D, heads: number, tables: RotaryTables, pairs: RotaryPairs): tf.Tensor2D {
  const { cos, sin } = tables;
  return differentiable(
    { x },
    (save) => {
      save([cos, sin]);
      return turn(x, heads, cos, sin, pairs, 1);
    },
    (dy, saved) => {
      const [cos, sin] = saved as [tf.Tensor3D, tf.Tensor3D];
      return { x: () => turn(dy as tf.Tensor2D, heads, cos, sin, pairs, -1) }; // a rotation's transpose turns back
    },
  ) as tf.Tensor2D;
}

/** @param sign −1 turns back. */
function turn(
  x: tf.Tensor2D,
  heads: number,
  cos: tf.Tensor3D,
  sin: tf.Tensor3D,
  pairs: RotaryPairs,
  sign: 1 | -1,
): tf.Tensor2D {
  if (hasKernel('Rotary'))
    return runKernel('Rotary', { x, cos, sin }, { heads, neighbours: pairs === 'neighbours', sign });
  return tf.tidy(() => {
    const T = x.shape[0];
    const D = x.shape[1] / heads;
    const half = cos.shape[2];
    const turning = tf.mul(sin, sign);
    const [turned, rest] = tf.split(tf.reshape(x, [T, heads, D]), [2 * half, D - 2 * half], 2);
    const [first, second] = split(turned as tf.Tensor3D, pairs);
    const y1 = tf.sub(tf.mul(first, cos), tf.mul(second, turning)); // [T, A, R / 2]
    const y2 = tf.add(tf.mul(second, cos), tf.mul(first, turning));
    const y = pairs === 'halves' ? tf.concat([y1, y2], 2) : tf.reshape(tf.stack([y1, y2], 3), [T, heads, 2 * half]);
    return tf.reshape(D === 2 * half ? y : tf.concat([y, rest as tf.Tensor], 2), x.shape);
  });
}

/** [T, A, R] → twice [T, A, R / 2]. */
function split(x: tf.Tensor3D, pairs: RotaryPairs): [tf.Tensor, tf.Tensor] {
  if (pairs === 'halves') return tf.split(x, 2, 2) as [tf.Tensor, tf.Tensor];
  const [T, heads, R] = x.shape;
  return tf.unstack(tf.reshape(x, [T, heads, R / 2, 2]), 3) as [tf.Tensor, tf.Tensor];
}
