/** Rows to batches ready for the encoder, in the order of an epoch. */

import { type Embedder, OptionError } from '@uniem/core';
import { batches, DataError, Dataset, type RecordType, type Row, sourceOf, validateRecord } from '@uniem/data';

import type { RunOptions } from './options.ts';
import { collate, type RecordBatch, textsOf } from './records.ts';
import { type Rows, shuffled } from './training-data.ts';

export interface BatchSource {
  embedder: Embedder;
  recordType: RecordType;
  options: RunOptions;
  /** What stands before every text. */
  prefix: string;
}

/** @param skip Batches that are passed over without tokenizing them: those before a checkpoint. */
export async function* recordBatches(data: Rows, source: BatchSource, skip = 0): AsyncGenerator<RecordBatch> {
  const { embedder, recordType, options, prefix } = source;
  const maxLength = Math.min(options.maxLength, embedder.config.maxPositions);
  let index = 0;
  const { batchSize, dropLast, uniqueTexts, taskField } = options;
  const textsOfRow = uniqueTexts ? (row: Row) => textsOf(row, recordType) : undefined;
  const kindOf = taskField === undefined ? undefined : (row: Row) => taskOf(row, taskField);
  for await (const rows of batches<Row>(data, { batchSize, dropLast, textsOf: textsOfRow, kindOf })) {
    if (index++ < skip) continue;
    for (const row of rows) validateRecord(row, recordType);
    if (recordType === 'pair' && rows.length === 1) continue; // a last pair alone has no negative
    yield collate(rows, recordType, embedder, maxLength, prefix);
  }
}

/**
 * The batches of each step of an epoch.
 *
 * @param epoch From 1; with `shuffle` each has another order.
 * @param skip Steps of it that are done.
 */
export async function* stepBatches(
  train: Rows,
  source: BatchSource,
  epoch: number,
  skip: number,
): AsyncGenerator<RecordBatch[]> {
  const { shuffle, seed, gradientAccumulationSteps } = source.options;
  const data = shuffle ? shuffled(train, seed + epoch) : train;
  let group: RecordBatch[] = [];
  for await (const batch of recordBatches(data, source, skip * gradientAccumulationSteps)) {
    group.push(batch);
    if (group.length === gradientAccumulationSteps) {
      yield group;
      group = [];
    }
  }
  if (group.length > 0) yield group;
}

function taskOf(row: Row, field: string): unknown {
  const task = row[field];
  if (task !== undefined) return task;
  throw new DataError(
    `no column ${field}; the record has {${Object.keys(row).join(', ')}}`,
    sourceOf(row),
    'give every record its task, or leave taskField out',
  );
}

/**
 * Steps of a run; undefined for a stream, whose length is not known.
 *
 * @throws OptionError where there is none.
 */
export function totalSteps({ options, recordType }: BatchSource, rows: Rows): number | undefined {
  const { batchSize, dropLast, gradientAccumulationSteps, epochs, maxSteps } = options;
  if (!(rows instanceof Dataset)) return maxSteps;
  const least = dropLast ? batchSize : recordType === 'pair' ? 2 : 1; // records that make a last batch
  const perEpoch = Math.floor(rows.length / batchSize) + (rows.length % batchSize >= least ? 1 : 0);
  const total = Math.ceil(perEpoch / gradientAccumulationSteps) * epochs;
  if (total > 0) return Math.min(total, maxSteps ?? Number.POSITIVE_INFINITY);
  throw new OptionError(
    `no batch of ${batchSize} can be made of the training set`,
    'batchSize',
    'give more records, or leave dropLast out',
  );
}
