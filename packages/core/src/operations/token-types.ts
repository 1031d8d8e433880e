/** What the type of its segment adds to a token's embedding. T tokens, E values of an embedding. */

import * as tf from '@tensorflow/tfjs-core';

import { hasKernel, runKernel } from './differentiable.ts';

/**
 * Every text is one segment, of type 0; an engine with a kernel of this name may read types from elsewhere.
 *
 * @param table float32 [types, E]
 * @returns float32 [1, E], or [T, E] of such an engine
 */
export function tokenTypes(table: tf.Tensor2D): tf.Tensor2D {
  return hasKernel('TokenTypes') ? runKernel('TokenTypes', { table }) : tf.slice(table, 0, 1);
}
