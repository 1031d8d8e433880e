/** What stands before the texts of a column: an instruction, or the `query: ` and `passage: ` of E5. */

import { OBJECT, TEXT } from '@uniem/hub/arguments';

import { requireKind, requireList } from '../arguments.ts';
import { DataError } from '../errors.ts';
import { sourceOf } from '../records/provenance.ts';
import type { Row } from '../records/records.ts';
import type { Dataset } from './dataset.ts';
import { DATASET } from './either-dataset.ts';
import type { IterableDataset } from './iterable-dataset.ts';

/**
 * Each text of the columns named, after its prefix; of a list of texts each one.
 *
 * @throws DataError for a row that has no such column.
 */
export function prefixColumns(rows: Dataset, prefixes: Readonly<Record<string, string>>): Dataset;
export function prefixColumns(rows: IterableDataset, prefixes: Readonly<Record<string, string>>): IterableDataset;
export function prefixColumns(
  rows: Dataset | IterableDataset,
  prefixes: Readonly<Record<string, string>>,
): Dataset | IterableDataset;
export function prefixColumns(
  rows: Dataset | IterableDataset,
  prefixes: Readonly<Record<string, string>>,
): Dataset | IterableDataset {
  requireKind(rows, DATASET, 'rows');
  requireKind(prefixes, OBJECT, 'prefixes');
  requireList(Object.values(prefixes), TEXT, 'prefixes');
  return rows.map((row: Row) =>
    Object.fromEntries(Object.entries(prefixes).map(([column, prefix]) => [column, after(prefix, column, row)])),
  );
}

/** What is no text, or a blank one, stays as it is: whoever takes the record says what is wrong with it. */
function after(prefix: string, column: string, row: Row): unknown {
  const value = row[column];
  if (value === undefined) {
    throw new DataError(`no column '${column}'`, sourceOf(row), `name one of {${Object.keys(row).join(', ')}}`);
  }
  const put = (text: unknown) => (typeof text === 'string' && text.trim() !== '' ? prefix + text : text);
  return Array.isArray(value) ? value.map(put) : put(value);
}
