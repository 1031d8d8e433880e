/** Records of a batch to one packed TokenBatch and the loss over its embeddings. N records. */

import * as tf from '@tensorflow/tfjs';
import { coSentLoss, type DropoutState, type Embedder, pairLoss, type TokenBatch, tripletLoss } from '@uniem/core';
import type { RecordType, Row } from '@uniem/data';

import type { ResolvedFinetuneOptions } from './options.ts';

/** Text fields by record type, in the order their embeddings come. */
const TEXT_FIELDS: Record<RecordType, readonly string[]> = {
  pair: ['text', 'text_pos'],
  triplet: ['text', 'text_pos', 'text_neg'],
  scored_pair: ['sentence1', 'sentence2'],
};

/** A record's texts, in the order of its fields. */
export function textsOf(record: Row, recordType: RecordType): string[] {
  return TEXT_FIELDS[recordType].map((field) => record[field] as string);
}

/** A batch ready for the encoder: all texts of one field, then all of the next. */
export interface RecordBatch {
  recordType: RecordType;
  /** N */
  size: number;
  /** What it was made of. */
  records: readonly Row[];
  tokens: TokenBatch;
  /** float32 [N], of scored pairs. */
  labels: Float32Array | undefined;
}

/** Tokenizes the records' texts, each after the prefix; every field goes through the encoder in one pass. */
export function collate(
  records: readonly Row[],
  recordType: RecordType,
  embedder: Embedder,
  maxLength: number,
  prefix = '',
): RecordBatch {
  const texts = TEXT_FIELDS[recordType].flatMap((field) => records.map((record) => `${prefix}${record[field]}`));
  return {
    recordType,
    size: records.length,
    records,
    tokens: embedder.tokenizer.encodeBatch(texts, maxLength),
    labels: recordType === 'scored_pair' ? Float32Array.from(records, (record) => Number(record.label)) : undefined,
  };
}

/** The criterion uniem picks for the record type. @returns Scalar; call inside tf.tidy or a gradient function. */
export function batchLoss(
  embedder: Embedder,
  batch: RecordBatch,
  options: Pick<ResolvedFinetuneOptions, 'lossType' | 'temperature'> & { gradientCheckpointing?: boolean },
  dropout?: DropoutState,
): tf.Scalar {
  const embeddings = embedder.embed(batch.tokens, dropout, options.gradientCheckpointing); // [fields·N, H]
  const part = (i: number) => tf.slice(embeddings, [i * batch.size, 0], [batch.size, -1]) as tf.Tensor2D;
  const { lossType, temperature } = options;
  switch (batch.recordType) {
    case 'pair':
      return pairLoss(part(0), part(1), lossType, temperature);
    case 'triplet':
      return tripletLoss(part(0), part(1), part(2), lossType, temperature);
    case 'scored_pair':
      return coSentLoss(part(0), part(1), tf.tensor1d(batch.labels as Float32Array), temperature);
  }
}
