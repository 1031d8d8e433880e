/** The task that the records of a validation set are: how good a model is at it, before training and after. */

import { setImmediate } from 'node:timers/promises';

import type { EncodeTexts } from '@uniem/core';
import { classOf, Dataset, negativesOf, type RecordType, type Row, validateRecord } from '@uniem/data';
import type { BatchSource } from '../batches/record-batches.ts';
import type { Rows } from '../batches/training-data.ts';
import type { TaskName } from '../names.ts';
import { evaluateTask, type Metrics } from './tasks.ts';

/** The tasks that records to train on can be. */
export type ValidationTaskName = Extract<
  TaskName,
  'retrieval' | 'triplet' | 'sts' | 'pair-classification' | 'classification'
>;

export interface ValidationTask {
  task: ValidationTaskName;
  /** How many records are measured on. */
  records: number;
  rows: readonly Row[];
  /** What a classification learns from. */
  train?: readonly Row[];
}

/** What a model was worth at the task of the validation set. */
export interface Evaluation {
  task: ValidationTaskName;
  records: number;
  /** Unknown where the run went on from a checkpoint without it. */
  before: Metrics | undefined;
  after: Metrics;
}

/** Texts between two looks at whether the run is stopped. */
const TEXTS_AT_ONCE = 256;
/** Of the records that a classification learns from. */
const SAMPLE_SEED = 0;

/**
 * @param count The first so many records are measured on.
 * @param train What a classification learns from: as many of them, drawn by a seed of its own; of a stream the first.
 * @returns Undefined where the records are no task.
 */
export async function validationTask(
  rows: Rows,
  recordType: RecordType,
  count: number,
  train: Rows,
): Promise<ValidationTask | undefined> {
  if (count === 0 || recordType === 'text_vector') return undefined;
  const first = await firstRecords(rows, recordType, count);
  if (first.length === 0) return undefined;
  const records = first.length;
  switch (recordType) {
    case 'pair':
      return { task: 'retrieval', records, rows: first };
    case 'triplet':
    case 'scored_triplet':
      return tripletTask(first);
    case 'labeled_text': {
      const sample = train instanceof Dataset ? train.shuffle({ seed: SAMPLE_SEED }) : train;
      const learned = await firstRecords(sample, recordType, count);
      if (new Set(learned.map(({ label }) => classOf(label))).size < 2) return undefined; // nothing to tell apart
      return { task: 'classification', records, rows: first.map(withClass), train: learned.map(withClass) };
    }
    case 'scored_pair': {
      const isBinary = first.every(({ label }) => label === 0 || label === 1);
      return { task: isBinary ? 'pair-classification' : 'sts', records, rows: first };
    }
    default:
      throw new Error(`internal: no task of ${recordType satisfies never}`);
  }
}

async function firstRecords(rows: Rows, recordType: RecordType, count: number): Promise<Row[]> {
  const first: Row[] = [];
  for await (const row of rows as AsyncIterable<Row>) {
    if (first.push(validateRecord(row, recordType)) === count) break;
  }
  return first;
}

/** Where no record has a negative, each finds its positive among all. */
function tripletTask(rows: readonly Row[]): ValidationTask {
  const triplets = rows.flatMap(oneNegativeEach);
  const task = triplets.length > 0 ? 'triplet' : 'retrieval';
  return { task, records: rows.length, rows: triplets.length > 0 ? triplets : rows };
}

const withClass = (row: Row) => ({ ...row, label: classOf(row.label) });

const oneNegativeEach = (row: Row) => negativesOf(row).map((text_neg) => ({ ...row, text_neg }));

/** Without dropout; undefined where the run is stopped before the end. Measures that are no number are left out. */
export async function measureTask(
  { task, rows, train }: ValidationTask,
  source: BatchSource,
  stopped: () => boolean,
): Promise<Metrics | undefined> {
  const { embedder, prefix, options } = source;
  const interrupted = new Error('internal: the measuring was stopped');
  const encode: EncodeTexts = async (texts, given) => {
    const vectors: Float32Array[] = [];
    for (let start = 0; start < texts.length; start += TEXTS_AT_ONCE) {
      await setImmediate(); // lets a signal through, as the trainer does
      if (stopped()) throw interrupted;
      const part = texts.slice(start, start + TEXTS_AT_ONCE).map((text) => `${prefix}${text}`);
      vectors.push(...(await embedder.encode(part, { ...given, maxLength: options.maxLength, progressBar: false })));
    }
    return vectors;
  };
  try {
    const metrics = await evaluateTask(task, { encode }, { test: rows, train });
    return Object.fromEntries(Object.entries(metrics).filter(([, value]) => Number.isFinite(value)));
  } catch (error) {
    if (error === interrupted) return undefined;
    throw error;
  }
}
