/** Rows without those that nothing can be trained on. */

import { oneOf } from '@uniem/hub/arguments';

import { ITERABLE, requireKind } from '../arguments.ts';
import { DataError } from '../errors.ts';
import { BadRecords } from '../readers/reader.ts';
import { sourceOf } from '../records/provenance.ts';
import { RECORD_TYPES, type RecordType, type Row, textFields, validateRecord } from '../records/records.ts';
import { BlockNode, filterStep } from '../stream/transforms.ts';
import { Dataset } from './dataset.ts';
import { IterableDataset } from './iterable-dataset.ts';

/**
 * The rows that are records of the type and have no blank text (as uniem's M3EDataset leaves them out). Those left out
 * are counted, and the first five named: of a Dataset at once, of a stream at the end of each pass.
 */
export function validRecords(rows: Dataset, type: RecordType): Dataset;
export function validRecords(rows: Dataset | AsyncIterable<Row>, type: RecordType): Dataset | IterableDataset;
export function validRecords(rows: Dataset | AsyncIterable<Row>, type: RecordType): Dataset | IterableDataset {
  requireKind(rows, ITERABLE, 'rows');
  requireKind(type, oneOf(...RECORD_TYPES), 'type');
  const bad = new BadRecords('skip');
  const isValid = (row: Row, index: number) => {
    const problem = problemOf(row, type, sourceOf(row) ?? `record ${index + 1}`);
    if (problem) bad.add(problem);
    return problem === undefined;
  };
  if (rows instanceof Dataset) {
    const kept = rows.filter(isValid);
    bad.warn();
    return kept;
  }
  const { node } = rows instanceof IterableDataset ? rows : IterableDataset.fromGenerator(() => rows);
  return IterableDataset.fromNode(new BlockNode(node, { ...filterStep(isValid), end: () => bad.warn() }), bad);
}

function problemOf(row: Row, type: RecordType, where: string): DataError | undefined {
  try {
    validateRecord(row, type, where);
  } catch (error) {
    if (error instanceof DataError) return error;
    throw error;
  }
  const blank = textFields(row, type).find(([, text]) => text.trim() === '');
  return blank && new DataError(`${blank[0]} is blank`, where, 'give it a text, or leave the record out');
}
