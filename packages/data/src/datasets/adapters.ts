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
    const { query, pos, neg, pos_scores, neg_scores, ...rest } = row;
    const positives = texts(row, 'pos');
    const negatives = neg === undefined || neg === null ? undefined : texts(row, 'neg');
    const positiveScores = scores(row, 'pos_scores', positives);
    const negativeScores = scores(row, 'neg_scores', negatives ?? []);
    if (positives.length === 0) throw wrong(row, 'pos', 'a text or a list of texts, at least one');
    if (positiveScores && !negativeScores && negatives?.length) throw wrong(row, 'neg_scores', 'a list of numbers');
    if (negativeScores && !positiveScores) throw wrong(row, 'pos_scores', 'a list of numbers');
    return positives.map((text_pos, i) => ({
      ...rest,
      text: text(row, 'query'),
      text_pos,
      ...(negatives ? { text_neg: negatives } : {}),
      ...(positiveScores ? { scores: [positiveScores[i], ...(negativeScores ?? [])] } : {}),
    }));
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

/** A text that is no list is one text. */
function texts(row: Row, field: string): string[] {
  const value = typeof row[field] === 'string' ? [row[field]] : row[field];
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value;
  throw wrong(row, field, 'a text or a list of texts');
}

/** A score for each of the texts; undefined where the row has none. */
function scores(row: Row, field: string, of: readonly string[]): number[] | undefined {
  if (row[field] === undefined || row[field] === null) return undefined;
  const value = typeof row[field] === 'number' ? [row[field]] : row[field];
  if (Array.isArray(value) && value.length === of.length && value.every(Number.isFinite)) return value;
  throw wrong(row, field, `a list of ${of.length} numbers, one for each text`);
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
