/** Columns to rows. */

import type { Row } from '../records/records.ts';

/** Row i has the i-th value of each column. */
export function rowsFromColumns(
  names: readonly string[],
  columns: readonly (readonly unknown[])[],
  count: number,
): Row[] {
  const rows = new Array<Row>(count);
  for (let i = 0; i < count; i++) {
    const row: Row = {};
    for (let j = 0; j < names.length; j++) row[names[j] as string] = (columns[j] as unknown[])[i];
    rows[i] = row;
  }
  return rows;
}
