/** From a pretrained model and records to a better model in a folder. */

import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';

import * as tf from '@tensorflow/tfjs';
import {
  dropoutState,
  Embedder,
  type EngineName,
  ModelError,
  OptionError,
  type PoolingStrategy,
  ProgressBar,
  refuseForeignFolder,
  useEngine,
} from '@uniem/core';
import {
  batches,
  DataError,
  type Dataset,
  inferRecordType,
  RECORD_TYPES,
  type RecordType,
  validateRecord,
} from '@uniem/data';

import { AdamW } from './adamw.ts';
import { MetricsFile } from './metrics.ts';
import { detectModelType, MODEL_TYPES, type ModelType } from './model-type.ts';
import { type FinetuneOptions, type ResolvedFinetuneOptions, resolveOptions } from './options.ts';
import { batchLoss, collate, type RecordBatch } from './records.ts';
import { schedule, suggestLr } from './schedules.ts';
import { trainable } from './strategies.ts';
import { type Step, train } from './trainer.ts';

type Row = Record<string, unknown>;

/** Rows at hand, or a stream of them. */
export type TrainingData = Dataset | Iterable<Row> | AsyncIterable<Row>;

/** A training set alone, or with the set whose loss is told after each epoch. */
export type TrainingDataDict = { train: TrainingData; validation?: TrainingData; dev?: TrainingData };

export interface FineTunerOptions {
  dataset: TrainingData | TrainingDataDict;
  /** Left out, found by the folder and the name. */
  modelType?: ModelType;
  /** Left out, found by the first record's fields. */
  recordType?: RecordType;
  poolingStrategy?: PoolingStrategy;
  /** Engine that loads the model. */
  backend?: FinetuneOptions['backend'];
}

export interface RunHooks {
  /** Aborting it ends the run after the current step; the model so far is saved. */
  signal?: AbortSignal;
  onStep?: (step: Step) => void;
}

export interface RunResult {
  modelFolder: string;
  metricsFile: string;
  /** Optimizer steps done. */
  steps: number;
  /** Whether the signal ended the run early. */
  stopped: boolean;
}

export class FineTuner {
  readonly embedder: Embedder;
  readonly modelType: ModelType;
  readonly recordType: RecordType;
  readonly #train: TrainingData;
  readonly #validation: TrainingData | undefined;

  private constructor(embedder: Embedder, modelType: ModelType, recordType: RecordType, data: TrainingDataDict) {
    this.embedder = embedder;
    this.modelType = modelType;
    this.recordType = recordType;
    this.#train = data.train;
    this.#validation = data.validation ?? data.dev;
  }

  /**
   * @param model A model folder.
   * @throws ModelError, DataError or OptionError saying what is wrong with the model, the records or an option.
   */
  static async fromPretrained(model: string, options: FineTunerOptions): Promise<FineTuner> {
    requireOneOf('modelType', options.modelType, MODEL_TYPES);
    requireOneOf('recordType', options.recordType, RECORD_TYPES);
    await useEngine({ backend: options.backend });
    const modelType = options.modelType ?? detectModelType(model).modelType;
    const embedder = await Embedder.fromPretrained(model, { poolingStrategy: options.poolingStrategy });
    if (modelType === 'uniem' && !embedder.config.poolingStrategy && !options.poolingStrategy) {
      throw new ModelError(
        'config.json names no uniem_pooling_strategy, so it was not trained by uniem',
        model,
        "give poolingStrategy, or modelType 'huggingface' for a plain encoder",
      );
    }
    const data = isDict(options.dataset) ? options.dataset : { train: options.dataset };
    const recordType = options.recordType ?? inferRecordType(await firstRow(data.train));
    for (const part of [data.train, data.validation ?? data.dev ?? []]) validateRows(part, recordType);
    return new FineTuner(embedder, modelType, recordType, data);
  }

  /** Trains, writes `<outputDir>/metrics.jsonl` as it goes, and saves `<outputDir>/model`. */
  async run(options: FinetuneOptions = {}, hooks: RunHooks = {}): Promise<RunResult> {
    const resolved = resolveOptions(options);
    if (this.recordType === 'pair' && resolved.batchSize === 1) {
      throw new OptionError('a batch of one pair has no negative', 'batchSize', 'give 2 or more');
    }
    const { embedder } = this;
    const engine = tf.getBackend() as EngineName;
    if (resolved.backend !== 'auto' && resolved.backend !== engine) {
      throw new OptionError(
        `the model is on engine ${engine} (received '${resolved.backend}')`,
        'backend',
        'give backend to FineTuner.fromPretrained',
      );
    }
    const totalSteps = this.#totalSteps(resolved);
    if (totalSteps === 0) {
      throw new OptionError(
        `no batch of ${resolved.batchSize} can be made of the training set`,
        'batchSize',
        'give more records, or leave dropLast out',
      );
    }
    await useEngine({ backend: engine, precision: resolved.precision });
    prepareOutput(resolved.outputDir);
    if (resolved.dropout !== undefined) embedder.setDropout(resolved.dropout);
    const variables = trainable(embedder.parameters, resolved.strategy);
    const lr = resolved.lr ?? suggestLr([...variables.values()].reduce((sum, { size }) => sum + size, 0));
    const rate = schedule(lr, resolved.warmupSteps, totalSteps);
    const optimizer = new AdamW({ weightDecay: resolved.weightDecay });
    const metrics = new MetricsFile(join(resolved.outputDir, 'metrics.jsonl'));
    const bar = new ProgressBar('train', totalSteps);
    const stop = () => hooks.signal?.aborted === true;

    let steps = 0;
    const limit = resolved.maxSteps ?? Number.POSITIVE_INFINITY;
    try {
      for (let epoch = 1; epoch <= resolved.epochs && steps < limit && !stop(); epoch++) {
        const pace = new Pace();
        let epochLoss = 0;
        const stepsBefore = steps;
        const run = train<RecordBatch>({
          groups: this.#groups(resolved, epoch),
          sizeOf: (batch) => batch.size,
          loss: (batch, pass) => batchLoss(embedder, batch, resolved, dropoutState(resolved.seed, pass)),
          variables,
          optimizer,
          schedule: rate,
          startStep: steps,
        });
        for await (const step of run) {
          steps = step.step;
          if (!Number.isFinite(step.loss)) {
            throw new OptionError(
              `the loss is ${step.loss} at step ${step.step}; the weights before it are kept in memory, none saved`,
              'run',
              'lower lr, or raise temperature',
            );
          }
          epochLoss += step.loss;
          pace.add(step.records);
          hooks.onStep?.(step);
          if (steps % resolved.logInterval === 0) {
            metrics.write({ step: steps, epoch, loss: step.loss, lr: step.lr, recordsPerSecond: pace.take() });
          }
          bar.update(steps, `loss ${step.loss.toFixed(4)}  ${Math.round(pace.overall())} records/s`);
          if (steps >= limit || stop()) break;
        }
        const trainLoss = epochLoss / Math.max(1, steps - stepsBefore);
        const validationLoss = await this.#validationLoss(resolved, stop);
        metrics.write({ epoch, trainLoss, ...(validationLoss === undefined ? {} : { validationLoss }) });
      }
    } finally {
      bar.end();
      optimizer.dispose();
    }
    const modelFolder = join(resolved.outputDir, 'model');
    await embedder.save(modelFolder);
    return { modelFolder, metricsFile: metrics.path, steps, stopped: stop() };
  }

  async *#groups(options: ResolvedFinetuneOptions, epoch: number): AsyncGenerator<RecordBatch[]> {
    let group: RecordBatch[] = [];
    const data = options.shuffle ? shuffled(this.#train, options.seed + epoch) : this.#train;
    for await (const batch of this.#batches(data, options)) {
      group.push(batch);
      if (group.length === options.gradientAccumulationSteps) {
        yield group;
        group = [];
      }
    }
    if (group.length > 0) yield group;
  }

  async *#batches(data: TrainingData, options: ResolvedFinetuneOptions): AsyncGenerator<RecordBatch> {
    const maxLength = Math.min(options.maxLength, this.embedder.config.maxPositions);
    for await (const rows of batches(data as Iterable<Row>, options)) {
      if (this.recordType === 'pair' && rows.length === 1) continue; // a last pair alone has no negative
      for (const row of rows) validateRecord(row, this.recordType);
      yield collate(rows, this.recordType, this.embedder, maxLength);
    }
  }

  /** Undefined without a validation set, and where the run is stopped before its end. */
  async #validationLoss(options: ResolvedFinetuneOptions, stop: () => boolean): Promise<number | undefined> {
    if (!this.#validation) return undefined;
    let sum = 0;
    let count = 0;
    for await (const batch of this.#batches(this.#validation, { ...options, dropLast: false })) {
      await setImmediate(); // lets a signal through, as the trainer does
      if (stop()) return undefined;
      const loss = tf.tidy(() => batchLoss(this.embedder, batch, options));
      sum += (await loss.data())[0] as number;
      loss.dispose();
      count += 1;
    }
    return count > 0 ? sum / count : undefined;
  }

  /** Undefined for a stream, whose length is not known. */
  #totalSteps({ batchSize, dropLast, gradientAccumulationSteps, epochs, maxSteps }: ResolvedFinetuneOptions) {
    const length = (this.#train as { length?: number }).length;
    if (length === undefined) return maxSteps;
    const least = dropLast ? batchSize : this.recordType === 'pair' ? 2 : 1; // records that make a last batch
    const perEpoch = Math.floor(length / batchSize) + (length % batchSize >= least ? 1 : 0);
    return Math.min(Math.ceil(perEpoch / gradientAccumulationSteps) * epochs, maxSteps ?? Number.POSITIVE_INFINITY);
  }
}

function isDict(dataset: TrainingData | TrainingDataDict): dataset is TrainingDataDict {
  return 'train' in dataset;
}

async function firstRow(data: TrainingData): Promise<Row> {
  for await (const row of data as Iterable<Row>) return row;
  throw new DataError('the training set is empty', undefined, 'give at least one record');
}

function shuffled(data: TrainingData, seed: number): TrainingData {
  if ('shuffle' in data && typeof data.shuffle === 'function') return (data as Dataset).shuffle({ seed });
  throw new OptionError('a stream cannot be shuffled', 'shuffle', 'give a Dataset, or leave shuffle out');
}

/** @throws DataError for the first record that is not of the type; the records of a stream are checked as they come. */
function validateRows(data: TrainingData, recordType: RecordType): void {
  if (!(Symbol.iterator in data)) return;
  for (const row of data) validateRecord(row, recordType);
}

function requireOneOf(option: string, value: string | undefined, allowed: readonly string[]): void {
  if (value === undefined || allowed.includes(value)) return;
  throw new OptionError(`there is no '${value}'`, option, `use one of ${allowed.join(', ')}`);
}

/** @throws OptionError for a path that holds something other than an earlier run, or cannot be made. */
function prepareOutput(outputDir: string): void {
  try {
    mkdirSync(outputDir, { recursive: true });
  } catch (cause) {
    throw new OptionError(`cannot be made (${(cause as Error).message})`, outputDir, 'give another folder', { cause });
  }
  const entries = readdirSync(outputDir);
  if (entries.length > 0 && !entries.includes('metrics.jsonl') && !entries.includes('model')) {
    throw new OptionError(
      `the folder holds something else (${entries.slice(0, 3).join(', ')})`,
      `outputDir ${outputDir}`,
      'give a new folder, or one of an earlier run',
    );
  }
  refuseForeignFolder(join(outputDir, 'model')); // before training, not after it
}

/** Records a second, since the last reading and since the start. */
class Pace {
  readonly #start = performance.now();
  #lastTime = this.#start;
  #lastRecords = 0;
  #records = 0;

  add(records: number): void {
    this.#records += records;
  }

  take(): number {
    const now = performance.now();
    const pace = (1000 * (this.#records - this.#lastRecords)) / (now - this.#lastTime);
    this.#lastTime = now;
    this.#lastRecords = this.#records;
    return Math.round(pace * 100) / 100;
  }

  overall(): number {
    return (1000 * this.#records) / (performance.now() - this.#start);
  }
}
