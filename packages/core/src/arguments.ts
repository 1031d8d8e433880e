/** Checks of arguments that fail with an OptionError. */

import * as tf from '@tensorflow/tfjs-core';
import { argumentChecks, type Kind } from '@uniem/hub/arguments';

import { OptionError } from './errors.ts';

export const { requireKind, requireList, requireOptions } = argumentChecks(
  (what, where, fix) => new OptionError(what, where, fix),
);

/** A tensor of a rank that has not been disposed of. */
export const tensorOf = (rank: number): Kind => ({
  name: `a tensor of rank ${rank}`,
  is: (value) => value instanceof tf.Tensor && value.rank === rank && !value.isDisposed,
});
