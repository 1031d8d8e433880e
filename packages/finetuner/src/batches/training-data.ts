/** What a run is given to learn from: rows at hand, or a stream of them. */

import { OptionError } from '@uniem/core';
import { requireKind } from '@uniem/core/arguments';
import {
  DataError,
  Dataset,
  IterableDataset,
  inferRecordType,
  type OnBadRecord,
  type RecordType,
  type Row,
  validateRecord,
  validRecords,
} from '@uniem/data';

/** Rows at hand, or a stream of them that can be read once an epoch. */
export type TrainingData = Dataset | Iterable<Row> | AsyncIterable<Row>;

/** A training set alone, or with the set whose loss is told after each epoch. */
export type TrainingDataDict = { train: TrainingData; validation?: TrainingData; dev?: TrainingData };

/** What the trainer reads: a stream has no length and no order of its own to shuffle. */
export type Rows = Dataset | AsyncIterable<Row>;

export interface TrainingRows {
  train: Rows;
  validation: Rows | undefined;
  recordType: RecordType;
}

/**
 * @param recordType Left out, found by the first record's fields.
 * @param onBadRecord With 'skip', records that nothing can be trained on are left out and counted.
 * @throws DataError for an empty set, and for the first record at hand that is not of the type; those of a stream are
 * checked as they come.
 */
export async function openTrainingData(
  dataset: TrainingData | TrainingDataDict,
  recordType: RecordType | undefined,
  onBadRecord: OnBadRecord = 'error',
): Promise<TrainingRows> {
  const dict = 'train' in dataset ? dataset : { train: dataset };
  const given = dict.validation ?? dict.dev;
  const [train, validation] = [toRows(dict.train, 'dataset'), given && toRows(given, 'validation')];
  const type = recordType ?? inferRecordType(await firstRow(train));
  if (onBadRecord === 'skip') {
    const kept = validRecords(train, type);
    if (kept instanceof Dataset) await firstRow(kept);
    return { train: kept, validation: validation && validRecords(validation, type), recordType: type };
  }
  for (const rows of [train, validation]) {
    if (rows instanceof Dataset) for (const row of rows) validateRecord(row, type);
  }
  return { train, validation, recordType: type };
}

function toRows(data: TrainingData, name: string): Rows {
  const isRows = (value: unknown) =>
    typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
  requireKind(data, { name: 'a Dataset or an iterable of records', is: isRows }, name);
  if (data instanceof Dataset) return data;
  if (Symbol.iterator in data) return Dataset.fromRows(data);
  if ((data[Symbol.asyncIterator]() as unknown) !== data) return data;
  throw new OptionError(
    'a generator is read once, but training reads its data again every epoch',
    'dataset',
    'give an object whose [Symbol.asyncIterator]() begins anew, or a Dataset',
  );
}

async function firstRow(rows: Rows): Promise<Row> {
  for await (const row of rows) return row;
  throw new DataError('the training set is empty', undefined, 'give at least one record');
}

/** Another order for every seed; of a streamed dataset, by a buffer of so many records. */
export function shuffled(rows: Rows, seed: number, bufferSize: number): Rows {
  if (rows instanceof Dataset) return rows.shuffle({ seed });
  if (rows instanceof IterableDataset) return rows.shuffle({ seed, bufferSize });
  throw new OptionError(
    'a stream cannot be shuffled',
    'shuffle',
    'give a Dataset or an IterableDataset, or leave shuffle out',
  );
}
