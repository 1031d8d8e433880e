/** Records of a batch to one packed TokenBatch. N records. */

import type { Embedder, TeacherScores, TokenBatch } from '@uniem/core';
import { classOf, DataError, negativesOf, numericLabel, type RecordType, type Row, sourceOf } from '@uniem/data';

/** A record's texts by the part of the batch they go to; only a triplet's negatives are several in one. */
const TRIPLET = [(record: Row) => record.text as string, (record: Row) => record.text_pos as string, negativesOf];
const PARTS: Record<RecordType, readonly ((record: Row) => string | string[])[]> = {
  pair: [(record) => record.text as string, (record) => record.text_pos as string],
  triplet: TRIPLET,
  scored_triplet: TRIPLET,
  scored_pair: [(record) => record.sentence1 as string, (record) => record.sentence2 as string],
  text_vector: [(record) => record.text as string],
  labeled_text: [(record) => record.text as string],
};

/** A record's texts, part by part. */
export function textsOf(record: Row, recordType: RecordType): string[] {
  return PARTS[recordType].flatMap((part) => part(record));
}

/** A batch ready for the encoder: all texts of one part, then all of the next. */
export interface RecordBatch {
  recordType: RecordType;
  /** N */
  size: number;
  /** What it was made of. */
  records: readonly Row[];
  /** Texts, part by part, without the prefix. */
  texts: readonly (readonly string[])[];
  tokens: TokenBatch;
  /** float32 [N], of scored pairs; of texts with classes, a number for each class of the batch. */
  labels: Float32Array | undefined;
  /** Of scored triplets: the scores of the N positives, then of all negatives, and whose record each is. */
  teacher: TeacherScores | undefined;
  /** float32 [N, H], of texts with vectors. */
  vectors: Float32Array | undefined;
}

/**
 * Tokenizes the records' texts, each after the prefix; every part goes through the encoder in one pass.
 *
 * @throws DataError for a vector that is not as long as the model's.
 */
export function collate(
  records: readonly Row[],
  recordType: RecordType,
  embedder: Embedder,
  maxLength: number,
  prefix = '',
): RecordBatch {
  const texts = PARTS[recordType].map((part) => records.flatMap(part));
  return {
    recordType,
    size: records.length,
    records,
    texts,
    tokens: embedder.tokenizer.encodeBatch(
      texts.flat().map((text) => `${prefix}${text}`),
      maxLength,
    ),
    labels: labelsOf(records, recordType),
    teacher: recordType === 'scored_triplet' ? teacherOf(records) : undefined,
    vectors: recordType === 'text_vector' ? vectorsOf(records, embedder.dimension) : undefined,
  };
}

function labelsOf(records: readonly Row[], recordType: RecordType): Float32Array | undefined {
  if (recordType === 'scored_pair') return Float32Array.from(records, ({ label }) => numericLabel(label) as number);
  if (recordType !== 'labeled_text') return undefined;
  const classes = new Map<string | undefined, number>();
  return Float32Array.from(records, ({ label }) => {
    const own = classOf(label);
    if (!classes.has(own)) classes.set(own, classes.size);
    return classes.get(own) as number;
  });
}

function teacherOf(records: readonly Row[]): TeacherScores {
  const scores = records.map((record) => [...(record.scores as number[])]);
  return {
    scores: [...scores.map(([own]) => own as number), ...scores.flatMap(([, ...others]) => others)],
    owners: [...records.keys(), ...scores.flatMap(([, ...others], i) => others.map(() => i))],
  };
}

function vectorsOf(records: readonly Row[], H: number): Float32Array {
  const vectors = new Float32Array(records.length * H);
  records.forEach((record, i) => {
    const vector = record.vector as ArrayLike<number>;
    if (vector.length !== H) {
      throw new DataError(
        `vector has ${vector.length} values, the model's embeddings ${H}`,
        sourceOf(record),
        'distill from a model whose embeddings are as long',
      );
    }
    vectors.set(vector, i * H);
  });
  return vectors;
}
