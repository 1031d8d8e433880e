/** Records of other projects' datasets as records of ours, several of one where it has several positives. */

import { oneOf } from '@uniem/hub/arguments';

import { requireKind } from '../arguments.ts';
import { DataError } from '../errors.ts';
import { ADAPTERS, type Adapter } from '../names.ts';
import { BadRecords } from '../readers/reader.ts';
import { keepSource, sourceOf } from '../records/provenance.ts';
import type { Row } from '../records/records.ts';
import { BlockNode } from '../stream/transforms.ts';
import { Dataset } from './dataset.ts';
import { DATASET } from './either-dataset.ts';
import { IterableDataset } from './iterable-dataset.ts';
import { TableBuilder } from './table.ts';

const ADAPT: Record<Adapter, (row: Row) => Row[]> = {
  bge(row) {
    const { query, pos, neg, ...rest } = row;
    const negatives = neg === undefined ? {} : { text_neg: texts(row, 'neg') };
    return texts(row, 'pos').map((text_pos) => ({ ...rest, text: text(row, 'query'), text_pos, ...negatives }));
  },
  medi: instructed((instruction, text) => `${instruction}\n${text}`),
  medi_plain: instructed((_, text) => text),
  instructor: instructed((instruction, text) => `${instruction}${text}`),
};

/** The records of each row, in order. @throws DataError for a row of another shape, naming its place and field. */
export function adaptRecords(rows: Dataset, adapter: Adapter): Dataset;
export function adaptRecords(rows: IterableDataset, adapter: Adapter): IterableDataset;
export function adaptRecords(rows: Dataset | IterableDataset, adapter: Adapter): Dataset | IterableDataset;
export function adaptRecords(rows: Dataset | IterableDataset, adapter: Adapter): Dataset | IterableDataset {
  requireKind(rows, DATASET, 'rows');
  requireKind(adapter, oneOf(...ADAPTERS), 'adapter');
  const bad = rows.skipped ?? new BadRecords();
  const adapt = (row: Row) => {
    try {
      return ADAPT[adapter](row).map((record) => keepSource(record, row));
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      bad.add(error);
      return [];
    }
  };
  if (rows instanceof IterableDataset) {
    const step = { name: adapter, tables: false, apply: (block: Row[]) => block.flatMap(adapt) };
    return IterableDataset.fromNode(new BlockNode(rows.node, step), rows.skipped);
  }
  const builder = new TableBuilder();
  for (const row of rows) for (const record of adapt(row)) builder.add(record);
  bad.warn();
  return Dataset.fromTable(builder.finish(), rows.skipped);
}

function text(row: Row, field: string): string {
  const value = row[field];
  if (typeof value === 'string') return value;
  throw wrong(row, field, 'a text');
}

function texts(row: Row, field: string): string[] {
  const value = row[field];
  if (Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'string')) return value;
  throw wrong(row, field, 'a list of texts');
}

/** A record whose texts are pairs of an instruction and a text, which `join` makes one. */
function instructed(join: (instruction: string, text: string) => string): (row: Row) => Row[] {
  const joined = (row: Row, field: string) => {
    const value = row[field];
    if (!Array.isArray(value) || value.length !== 2 || value.some((one) => typeof one !== 'string')) {
      throw wrong(row, field, 'an instruction and a text');
    }
    return join(value[0], value[1]);
  };
  return (row) => {
    const { query, pos, neg, ...rest } = row;
    return [{ ...rest, text: joined(row, 'query'), text_pos: joined(row, 'pos'), text_neg: joined(row, 'neg') }];
  };
}

function wrong(row: Row, field: string, needed: string): DataError {
  const shown = JSON.stringify(row[field]) ?? 'missing';
  return new DataError(
    `${field} is ${shown.slice(0, 60)}, and must be ${needed}`,
    sourceOf(row),
    'correct the record, or leave the adapter out',
  );
}
