/** Flags that make the columns of a dataset what a command needs. */

import { ADAPTERS, adaptRecords, type Dataset, type IterableDataset, prefixColumns } from '@uniem/data';
import { z } from 'zod';

export const columnFlags = {
  rename: z
    .array(z.string().regex(/^[^=]+=[^=]+$/, 'is not old=new'))
    .default([])
    .describe('columns to rename, as old=new; may be given several times'),
  prefix: z
    .array(z.string().regex(/^[^=]+=./s, 'is not column=text'))
    .default([])
    .describe('put before the texts of a column, after its renaming, as "text=query: "; may be given several times'),
  adapter: z
    .enum(ADAPTERS)
    .optional()
    .describe(
      'records of other projects: bge of FlagEmbedding; medi of INSTRUCTOR as uniem joins its instructions and texts, medi_plain without the instructions, instructor with nothing between',
    ),
};

export type ColumnFlags = z.output<z.ZodObject<typeof columnFlags>>;

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
