/** Values of columnar files as JavaScript keeps them: whole numbers as numbers, nothing as null. */

/**
 * int64 becomes a number where a number can hold it, for labels are int64 in most datasets; larger stay bigint. Lists
 * and structs likewise, within.
 */
export function plainValue(value: unknown): unknown {
  if (typeof value === 'string' || typeof value === 'number') return value;
  if (value === undefined || value === null) return null;
  if (typeof value === 'bigint') return plainInteger(value);
  if (Array.isArray(value)) return value.map(plainValue);
  if (ArrayBuffer.isView(value) && !(value instanceof Uint8Array)) return Array.from(value as Float64Array, plainValue);
  if (typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plainValue(inner)]));
  }
  return value;
}

export function plainInteger(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
