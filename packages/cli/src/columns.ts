/** Columns of a dataset made what a command needs, by its flags. */

import { adaptRecords, type Dataset, type IterableDataset, prefixColumns } from '@uniem/data';

import type { ColumnFlags } from './data-flags.ts';

/** Renamed, then adapted, then with prefixes. */
export function withColumns(rows: Dataset, flags: Partial<ColumnFlags>): Dataset;
export function withColumns(rows: Dataset | IterableDataset, flags: Partial<ColumnFlags>): Dataset | IterableDataset;
export function withColumns(
  rows: Dataset | IterableDataset,
  { rename = [], prefix = [], adapter }: Partial<ColumnFlags>,
): Dataset | IterableDataset {
  const renamed = rename.length > 0 ? rows.renameColumns(pairs(rename)) : rows;
  const adapted = adapter === undefined ? renamed : adaptRecords(renamed, adapter);
  return prefix.length > 0 ? prefixColumns(adapted, pairs(prefix)) : adapted;
}

/** name=value; the value may hold a = too. */
function pairs(flags: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    flags.map((flag) => [flag.slice(0, flag.indexOf('=')), flag.slice(flag.indexOf('=') + 1)] as const),
  );
}
