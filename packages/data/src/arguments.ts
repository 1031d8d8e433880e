/** Checks of arguments that fail with a DataError. */

import { argumentChecks, INDEX, type Kind } from '@uniem/hub/arguments';

import { DataError } from './errors.ts';

export const { requireKind, requireList, requireOptions } = argumentChecks(
  (what, where, fix) => new DataError(what, where, fix),
);

const has = (value: unknown, key: PropertyKey) =>
  value !== null && value !== undefined && typeof (value as Record<PropertyKey, unknown>)[key] === 'function';

export const ITERABLE: Kind = {
  name: 'an iterable of rows',
  is: (value) => typeof value === 'object' && (has(value, Symbol.iterator) || has(value, Symbol.asyncIterator)),
};

export const ROW: Kind = {
  name: 'a record',
  is: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
};

/** A seed of numpy's default generator. */
export const SEED: Kind = {
  name: INDEX.name,
  is: (value) => INDEX.is(value) || (typeof value === 'bigint' && value >= 0n),
};
