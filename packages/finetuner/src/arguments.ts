/** What arguments of this package have to be, beside the kinds of @uniem/core. */

import type { Kind } from '@uniem/core/arguments';

/** Whatever has these methods: an Embedder, or what is put around one. */
export const withMethods = (...names: readonly string[]): Kind => ({
  name: `an Embedder, or an object with ${names.join(' and ')}`,
  is: (value) => names.every((name) => typeof (value as Record<string, unknown> | null)?.[name] === 'function'),
});

export const ROW: Kind = {
  name: 'a record',
  is: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
};
export { AT_LEAST_0 } from '@uniem/core/arguments';
