/** From a pretrained model and records to a better model in a folder. */

import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';

import * as tf from '@tensorflow/tfjs';
import {
  dropoutState,
  Embedder,
  type EngineName,
  ModelError,
  modelFolder,
  OptionError,
  type PoolingStrategy,
  ProgressBar,
  useEngine,
} from '@uniem/core';
import { batches, DataError, Dataset, RECORD_TYPES, type RecordType, validateRecord } from '@uniem/data';

import { AdamW } from './adamw.ts';
import { MetricsFile } from './metrics.ts';
import { detectModelType, MODEL_TYPES, type ModelType } from './model-type.ts';
import { type FinetuneOptions, type ResolvedFinetuneOptions, resolveOptions } from './options.ts';
import { prepareOutput } from './output-folder.ts';
import { Pace } from './pace.ts';
import { batchLoss, collate, type RecordBatch } from './records.ts';
import { schedule, suggestLr } from './schedules.ts';
import { trainable } from './strategies.ts';
import { type Step, train } from './trainer.ts';
import {
  openTrainingData,
  type Rows,
  shuffled,
  type TrainingData,
  type TrainingDataDict,
  type TrainingRows,
} from './training-data.ts';

export interface FineTunerOptions {
  dataset: TrainingData | TrainingDataDict;
  /** Left out, found by the folder and the name. */
  modelType?: ModelType;
  /** Left out, found by the first record's fields. */
  recordType?: RecordType;
  poolingStrategy?: PoolingStrategy;
  /** Engine that loads the model; left out, the one in use, or else the fastest that starts. */
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
  readonly #train: Rows;
  readonly #validation: Rows | undefined;

  private constructor(embedder: Embedder, modelType: ModelType, data: TrainingRows) {
    this.embedder = embedder;
    this.modelType = modelType;
    this.recordType = data.recordType;
    this.#train = data.train;
    this.#validation = data.validation;
  }

  /**
   * @param model A model folder, or `owner/name` or `owner/name@revision` of the hub.
   * @throws ModelError, DataError or OptionError saying what is wrong with the model, the records or an option.
   */
  static async fromPretrained(model: string, options: FineTunerOptions): Promise<FineTuner> {
    requireOneOf('modelType', options.modelType, MODEL_TYPES);
    requireOneOf('recordType', options.recordType, RECORD_TYPES);
    const data = await openTrainingData(options.dataset, options.recordType);
    if (options.backend) await useEngine({ backend: options.backend });
    const folder = await modelFolder(model);
    const modelType = options.modelType ?? detectModelType(folder, model).modelType;
    const embedder = await Embedder.fromPretrained(folder, { poolingStrategy: options.poolingStrategy });
    if (modelType === 'uniem' && !embedder.config.poolingStrategy && !options.poolingStrategy) {
      throw new ModelError(
        'config.json names no uniem_pooling_strategy, so it was not trained by uniem',
        model,
        "give poolingStrategy, or modelType 'huggingface' for a plain encoder",
      );
    }
    return new FineTuner(embedder, modelType, data);
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
    if (steps === 0 && !stop())
      throw new DataError('no batch came of the training set', undefined, 'give more records');
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

  async *#batches(data: Rows, options: ResolvedFinetuneOptions): AsyncGenerator<RecordBatch> {
    const maxLength = Math.min(options.maxLength, this.embedder.config.maxPositions);
    for await (const rows of batches(data, options)) {
      for (const row of rows) validateRecord(row, this.recordType);
      if (this.recordType === 'pair' && rows.length === 1) continue; // a last pair alone has no negative
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
    if (!(this.#train instanceof Dataset)) return maxSteps;
    const { length } = this.#train;
    const least = dropLast ? batchSize : this.recordType === 'pair' ? 2 : 1; // records that make a last batch
    const perEpoch = Math.floor(length / batchSize) + (length % batchSize >= least ? 1 : 0);
    return Math.min(Math.ceil(perEpoch / gradientAccumulationSteps) * epochs, maxSteps ?? Number.POSITIVE_INFINITY);
  }
}

function requireOneOf(option: string, value: string | undefined, allowed: readonly string[]): void {
  if (value === undefined || allowed.includes(value)) return;
  throw new OptionError(`there is no '${value}'`, option, `use one of ${allowed.join(', ')}`);
}
