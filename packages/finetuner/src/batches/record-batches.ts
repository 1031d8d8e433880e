/** Rows to batches ready for the encoder, in the order of an epoch. */

import { type Embedder, OptionError } from '@uniem/core';
import {
  type BatchOptions,
  batches,
  classOf,
  DataError,
  Dataset,
  type RecordType,
  type Row,
  roundRobin,
  sourceOf,
  validateRecord,
} from '@uniem/data';

import type { RunOptions } from '../options.ts';
import { classOrder, inClassOrder } from './class-order.ts';
import { isHopelessBatch, LearnableCheck } from './learnable.ts';
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
async function* grouped(data: Rows, source: BatchSource): AsyncGenerator<Row[]> {
  const { recordType, options } = source;
  const { batchSize, dropLast, uniqueTexts, taskField, taskSampling } = options;
  const grouping: BatchOptions<Row> = {
    batchSize,
    dropLast,
    textsOf: uniqueTexts ? (row) => textsOf(row, recordType) : undefined,
    kindOf: taskField === undefined ? undefined : (row) => taskOf(row, taskField),
    budget: budgetOf(source),
  };
  const groups =
    taskSampling === 'round_robin'
      ? roundRobin(oneTaskEach(data, source, grouping))
      : batches<Row>(ordered(data, source), grouping);
  for await (const group of groups) if (recordType !== 'pair' || group.length > 1) yield group;
}

/** Texts with classes in an order that gives every batch several of each; others as they are. */
function ordered(data: Rows, { recordType, options }: BatchSource): Rows {
  const rows = data instanceof Dataset ? data : checked(data, recordType); // a Dataset was checked whole
  if (recordType !== 'labeled_text') return rows;
  const own = (row: Row) => classOf(row.label);
  return rows instanceof Dataset
    ? rows.select(classOrder(Array.from(rows, own)))
    : inClassOrder(rows, own, Math.max(options.shuffleBuffer, 2 * options.batchSize));
}

/** Batches of the first epoch that are looked at before a run. */
const LOOKED_AT = 200;

/**
 * What is wrong where the loss of some batches is what it is, whatever the model does, as where a file in an order of its own is not shuffled.
 *
 * @throws OptionError where that is so of all batches of records with labels.
 */
export async function hopelessBatches(source: BatchSource, rows: Rows): Promise<string | undefined> {
  if (!(rows instanceof Dataset)) return undefined;
  const { recordType, options } = source;
  const untokenized = { ...source, options: { ...options, tokenBudget: undefined } };
  const all = new LearnableCheck(recordType);
  let [count, hopeless] = [0, 0];
  for await (const records of grouped(inOrder(rows, options, 1), untokenized)) {
    count += 1;
    for (const record of records) all.add(record);
    if (isHopelessBatch(records, recordType)) hopeless += 1;
    if (count === LOOKED_AT) break;
  }
  if (hopeless === 0 || (hopeless === count && all.problem()?.isFlat)) return undefined; // the records' fault, told before
  const what = `${hopeless} of the first ${count} batches contain a single text or a single label, so nothing can be learned from them`;
  const fix = options.shuffle ? 'give records of more different texts, or a larger batchSize' : 'give shuffle';
  const isLabelled = recordType === 'scored_pair' || recordType === 'labeled_text';
  if (isLabelled && hopeless === count) throw new OptionError(what, 'batchSize', fix);
  return `${what}; ${fix}`;
}

type Budgeted = Omit<BatchSource, 'options'> & { options: Pick<RunOptions, 'tokenBudget' | 'maxLength'> };

/**
 * Tokens are counted as they will be trained on: a text is tokenized once more for its batch, and once for each epoch of
 * totalSteps (113,330 WordNet pairs, three epochs: 10 s before the first step). Each is 2 % of a step at most.
 */
export function budgetOf({ embedder, recordType, options, prefix }: Budgeted): BatchOptions<Row>['budget'] {
  const { tokenBudget, maxLength } = options;
  if (tokenBudget === undefined) return undefined;
  const sizeOf = (row: Row) =>
    textsOf(row, recordType).reduce(
      (sum, text) => sum + embedder.tokenizer.encode(`${prefix}${text}`, maxLength).length,
      0,
    );
  return { sizeOf, most: tokenBudget, least: recordType === 'pair' ? 2 : 1 };
}

/** The batches of every task, in the order in which the tasks come. */
function oneTaskEach(data: Rows, source: BatchSource, grouping: BatchOptions<Row>): AsyncIterable<Row[]>[] {
  const { taskField } = source.options;
  if (!(data instanceof Dataset) || taskField === undefined) {
    throw new OptionError(
      taskField === undefined ? 'needs taskField' : 'a stream does not tell its tasks before they come',
      'taskSampling',
      taskField === undefined
        ? 'name the column of the tasks'
        : 'mix one stream a task by dataWeights, or do not stream',
    );
  }
  const tasks = new Map<unknown, number[]>();
  let index = 0;
  for (const row of data) {
    const task = taskOf(row, taskField);
    const own = tasks.get(task);
    if (own) own.push(index);
    else tasks.set(task, [index]);
    index += 1;
  }
  return [...tasks.values()].map((indices) => batches<Row>(ordered(data.select(indices), source), grouping));
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
 * A fraction of epochs is transformers' rule: as many of the steps of one, rounded up.
 *
 * @throws OptionError where there is none, and for a fraction of a stream.
 */
export async function totalSteps(source: BatchSource, rows: Rows): Promise<number | undefined> {
  const { gradientAccumulationSteps, epochs, maxSteps = Number.POSITIVE_INFINITY, batchSize } = source.options;
  const { recordType } = source;
  if (!(rows instanceof Dataset)) {
    if (Number.isInteger(epochs) || source.options.maxSteps !== undefined) return source.options.maxSteps;
    const what = `the number of steps of a stream is not known (received ${epochs})`;
    throw new OptionError(what, 'epochs', 'give a whole number, or maxSteps');
  }
  const { uniqueTexts, taskField, tokenBudget, taskSampling } = source.options;
  const isPlain = recordType !== 'labeled_text' && !uniqueTexts && taskField === undefined && tokenBudget === undefined;
  const steps = (batches: number) => Math.ceil(batches / gradientAccumulationSteps);
  let total = 0;
  if (isPlain && taskSampling === 'proportional') total = stepsIn(epochs, steps(plainBatches(source, rows.length)));
  else {
    for (let epoch = 1; epoch < epochs + 1 && total < maxSteps; epoch++) {
      total += stepsIn(Math.min(1, epochs - epoch + 1), steps(await countBatches(source, rows, epoch)));
    }
  }
  if (total > 0) return Math.min(total, maxSteps);
  throw new OptionError(
    `no batch of ${batchSize} can be made of the training set`,
    'batchSize',
    source.options.dropLast ? 'give more records, or leave dropLast out' : 'give more records',
  );
}

/** Without what a product of floats adds: 0.1 of 30 steps are 3. */
const stepsIn = (epochs: number, stepsOfOne: number) => Math.ceil(Number((epochs * stepsOfOne).toPrecision(12)));

function plainBatches({ options: { batchSize, dropLast }, recordType }: BatchSource, records: number): number {
  const least = dropLast ? batchSize : recordType === 'pair' ? 2 : 1; // records that make a last batch
  return Math.floor(records / batchSize) + (records % batchSize >= least ? 1 : 0);
}

async function countBatches(source: BatchSource, rows: Dataset, epoch: number): Promise<number> {
  let count = 0;
  for await (const _ of grouped(inOrder(rows, source.options, epoch), source)) count += 1;
  return count;
}
