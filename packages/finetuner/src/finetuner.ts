/** From a pretrained model and records to a better model in a folder. */

import { join } from 'node:path';

import * as tf from '@tensorflow/tfjs';
import {
  Embedder,
  type EngineName,
  ModelError,
  modelFolder,
  OptionError,
  type PoolingStrategy,
  useEngine,
} from '@uniem/core';
import { RECORD_TYPES, type RecordType } from '@uniem/data';

import { detectModelType, MODEL_TYPES, type ModelType } from './model-type.ts';
import { type FinetuneOptions, type ResolvedFinetuneOptions, resolveOptions } from './options.ts';
import { openTrainingData, type TrainingData, type TrainingDataDict, type TrainingRows } from './training-data.ts';
import { type RunHooks, type RunOutcome, TrainingRun } from './training-run.ts';

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

export interface RunResult extends RunOutcome {
  modelFolder: string;
  metricsFile: string;
}

export class FineTuner {
  readonly embedder: Embedder;
  readonly modelType: ModelType;
  readonly recordType: RecordType;
  readonly #data: TrainingRows;
  readonly #isEmbedder: boolean;

  private constructor(embedder: Embedder, modelType: ModelType, data: TrainingRows, isEmbedder: boolean) {
    this.embedder = embedder;
    this.modelType = modelType;
    this.recordType = data.recordType;
    this.#data = data;
    this.#isEmbedder = isEmbedder;
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
    const isEmbedder = modelType !== 'huggingface'; // the other layouts are saved by trainers of embedders
    return new FineTuner(embedder, modelType, data, isEmbedder);
  }

  /** Trains, writes `<outputDir>/metrics.jsonl` as it goes, and saves `<outputDir>/model`. */
  async run(options: FinetuneOptions = {}, hooks: RunHooks = {}): Promise<RunResult> {
    const resolved = resolveOptions(options);
    this.#check(resolved);
    await useEngine({ backend: tf.getBackend() as EngineName, precision: resolved.precision });
    const { embedder } = this;
    if (resolved.dropout !== undefined) embedder.setDropout(resolved.dropout);
    const run = await TrainingRun.open(embedder, this.#data, resolved, hooks, this.#isEmbedder);
    const outcome = await run.run();
    const modelFolder = join(resolved.outputDir, 'model');
    await embedder.save(modelFolder);
    return { ...outcome, modelFolder, metricsFile: run.metrics.path };
  }

  #check({ batchSize, backend, earlyStoppingPatience, keepBest }: ResolvedFinetuneOptions): void {
    if (this.recordType === 'pair' && batchSize === 1) {
      throw new OptionError('a batch of one pair has no negative', 'batchSize', 'give 2 or more');
    }
    const engine = tf.getBackend();
    if (backend !== 'auto' && backend !== engine) {
      throw new OptionError(
        `the model is on engine ${engine} (received '${backend}')`,
        'backend',
        'give backend to FineTuner.fromPretrained',
      );
    }
    if (this.#data.validation) return;
    const needy = earlyStoppingPatience !== undefined ? 'earlyStoppingPatience' : keepBest ? 'keepBest' : undefined;
    if (needy) throw new OptionError('there is no validation set', needy, 'give { train, validation } as the dataset');
  }
}

function requireOneOf(option: string, value: string | undefined, allowed: readonly string[]): void {
  if (value === undefined || allowed.includes(value)) return;
  throw new OptionError(`there is no '${value}'`, option, `use one of ${allowed.join(', ')}`);
}
