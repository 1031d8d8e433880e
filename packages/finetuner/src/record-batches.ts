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
  let index = 0;
  for await (const rows of grouped(data, source)) {
    if (index++ >= skip) yield collate(rows, recordType, embedder, options.maxLength, prefix);
  }
}

/** The rows of each batch. A pair that would be alone is left out: it has no negative. */
async function* grouped(data: Rows, { recordType, options }: Pick<BatchSource, 'recordType' | 'options'>) {
  const { batchSize, dropLast, uniqueTexts, taskField } = options;
  const textsOfRow = uniqueTexts ? (row: Row) => textsOf(row, recordType) : undefined;
  const kindOf = taskField === undefined ? undefined : (row: Row) => taskOf(row, taskField);
  const rows = data instanceof Dataset ? data : checked(data, recordType); // a Dataset was checked whole
  for await (const group of batches<Row>(rows, { batchSize, dropLast, textsOf: textsOfRow, kindOf })) {
    if (recordType !== 'pair' || group.length > 1) yield group;
  }
}

async function* checked(rows: AsyncIterable<Row>, recordType: RecordType): AsyncGenerator<Row> {
  for await (const row of rows) {
    validateRecord(row, recordType);
    yield row;
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
  const { gradientAccumulationSteps } = source.options;
  let group: RecordBatch[] = [];
  for await (const batch of recordBatches(
    inOrder(train, source.options, epoch),
    source,
    skip * gradientAccumulationSteps,
  )) {
    group.push(batch);
    if (group.length === gradientAccumulationSteps) {
      yield group;
      group = [];
    }
  }
  if (group.length > 0) yield group;
}

function inOrder(train: Rows, { shuffle, seed, shuffleBuffer }: RunOptions, epoch: number): Rows {
  return shuffle ? shuffled(train, seed + epoch, shuffleBuffer) : train;
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
 * Steps of a run; undefined for a stream, whose length is not known. Batches that depend on what the rows hold are
 * counted, so that the learning rate ends with the last one.
 *
 * @throws OptionError where there is none.
 */
export async function totalSteps(source: BatchSource, rows: Rows): Promise<number | undefined> {
  const { gradientAccumulationSteps, epochs, maxSteps = Number.POSITIVE_INFINITY, batchSize } = source.options;
  if (!(rows instanceof Dataset)) return source.options.maxSteps;
  const { uniqueTexts, taskField } = source.options;
  const steps = (batches: number) => Math.ceil(batches / gradientAccumulationSteps);
  let total = 0;
  if (!uniqueTexts && taskField === undefined) total = steps(plainBatches(source, rows.length)) * epochs;
  else {
    for (let epoch = 1; epoch <= epochs && total < maxSteps; epoch++) {
      total += steps(await countBatches(source, rows, epoch));
    }
  }
  if (total > 0) return Math.min(total, maxSteps);
  throw new OptionError(
    `no batch of ${batchSize} can be made of the training set`,
    'batchSize',
    'give more records, or leave dropLast out',
  );
}

function plainBatches({ options: { batchSize, dropLast }, recordType }: BatchSource, records: number): number {
  const least = dropLast ? batchSize : recordType === 'pair' ? 2 : 1; // records that make a last batch
  return Math.floor(records / batchSize) + (records % batchSize >= least ? 1 : 0);
}

async function countBatches(source: BatchSource, rows: Dataset, epoch: number): Promise<number> {
  let count = 0;
  for await (const _ of grouped(inOrder(rows, source.options, epoch), source)) count += 1;
  return count;
}
