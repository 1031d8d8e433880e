/** A row as a line of JSON. */

import type { Row } from '../records/records.ts';

export const jsonOf = (row: Row): string => JSON.stringify(row, replace);

/** JSON has no bigint; its digits are a number of JSON all the same, but Node 20 cannot write them so. */
export function replace(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}
