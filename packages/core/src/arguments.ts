/** Checks of arguments that fail with an OptionError. Runs in browsers too, without TensorFlow.js. */

import { argumentChecks, type Kind, NUMBER } from '@uniem/hub/arguments';

import { OptionError } from './errors.ts';

export {
  CALLBACK,
  COUNT,
  FLAG,
  INDEX,
  type Kind,
  NAME,
  NUMBER,
  OBJECT,
  oneOf,
  TEXT,
} from '@uniem/hub/arguments';

export const { requireKind, requireList, requireOptions } = argumentChecks(
  (what, where, fix) => new OptionError(what, where, fix),
);

export const MAP: Kind = { name: 'a Map', is: (value) => value instanceof Map };
export const AT_LEAST_0: Kind = {
  name: 'a finite number of at least 0',
  is: (value) => NUMBER.is(value) && (value as number) >= 0,
};
export const POSITIVE: Kind = {
  name: 'a finite number above 0',
  is: (value) => NUMBER.is(value) && (value as number) > 0,
};
/** An array or a typed array, as of labels. */
export const NUMBERS: Kind = {
  name: 'a list of finite numbers',
  is: (value) =>
    (Array.isArray(value) || ArrayBuffer.isView(value)) && Array.from(value as number[]).every(Number.isFinite),
};
export const BATCH: Kind = {
  name: 'a batch of packed tokens',
  is: (value) => {
    const { inputIds, offsets } = (value ?? {}) as Record<string, unknown>;
    return inputIds instanceof Int32Array && offsets instanceof Int32Array && offsets.at(-1) === inputIds.length;
  },
};
