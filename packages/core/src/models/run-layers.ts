/** A stack of layers, each of which gradient checkpointing computes again in backward. T tokens, H hidden units. */

import type * as tf from '@tensorflow/tfjs-core';

import type { DropoutState } from '../operations/dropout.ts';
import { recompute } from '../operations/recompute.ts';
import type { Run } from './family.ts';

/** S is what all layers read beside their own parameters: where texts begin, relative positions. */
export interface Stack<S> {
  layers: number;
  /** Where the names of a layer's parameters begin. */
  prefix(layer: number): string;
  /** Names, or their beginnings, of parameters that `prepare` reads. */
  shared?: readonly string[];
  /** Made once a batch; by every layer for itself where it is computed again. */
  prepare(): S;
  layer(x: tf.Tensor2D, layer: number, prepared: S, state: DropoutState | undefined): tf.Tensor2D;
}

/** @returns float32 [T, H], what the last layer makes of x. */
export function runLayers<S>({ parameters, state, checkpointing }: Run, x: tf.Tensor2D, stack: Stack<S>): tf.Tensor2D {
  const { layers, prefix, shared = [] } = stack;
  const prepared = checkpointing ? undefined : stack.prepare();
  let hidden = x;
  for (let layer = 0; layer < layers; layer++) {
    if (prepared !== undefined) {
      hidden = stack.layer(hidden, layer, prepared, state);
      continue;
    }
    const begins = [`${prefix(layer)}.`, ...shared];
    const read = [...parameters].filter(([name]) => begins.some((begin) => name.startsWith(begin)));
    const before = state && { ...state }; // the masks of the first time
    hidden = recompute(
      [hidden],
      read.map(([, variable]) => variable),
      (input) => {
        const replayed = before && { ...before };
        const result = stack.layer(input, layer, stack.prepare(), replayed);
        if (state && replayed) state.place = Math.max(state.place, replayed.place);
        return result;
      },
    );
  }
  return hidden;
}
