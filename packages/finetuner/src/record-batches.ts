/** Rows to batches ready for the encoder, in the order of an epoch. */

import type { Embedder } from '@uniem/core';
import { batches, type RecordType, validateRecord } from '@uniem/data';

import type { RunOptions } from './options.ts';
import { collate, type RecordBatch } from './records.ts';
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
  for await (const rows of batches(data, options)) {
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
