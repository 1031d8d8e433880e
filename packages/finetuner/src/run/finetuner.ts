/** From a pretrained model and records to a better model in a folder. */

import { join } from 'node:path';

import * as tf from '@tensorflow/tfjs-core';
import {
  Embedder,
  type EngineName,
  ModelError,
  modelFolder,
  OptionError,
  type PoolingStrategy,
  useEngine,
  writeFileWhole,
} from '@uniem/core';
import { ON_BAD_RECORD, type OnBadRecord, RECORD_TYPES, type RecordType } from '@uniem/data';
import {
  openTrainingData,
  type TrainingData,
  type TrainingDataDict,
  type TrainingRows,
} from '../batches/training-data.ts';
import { checkLossOptions } from '../losses/losses.ts';
import type { StrategyName } from '../options.ts';
import { type FinetuneOptions, type ResolvedFinetuneOptions, resolveOptions } from '../options.ts';
import { type ModelOrigin, modelCard } from '../report/model-card.ts';
import { reportHtml } from '../report/report.ts';
import { checkStrategyOptions } from '../strategies/index.ts';
import { type DetectedModelType, detectModelType, MODEL_TYPES, type ModelType } from './model-type.ts';
import type { RunHooks, RunOutcome } from './run-hooks.ts';
import { warn } from './run-setup.ts';
import { TrainingRun } from './training-run.ts';

export interface FineTunerOptions {
  dataset: TrainingData | TrainingDataDict;
  /** Left out, found by the folder and the name. */
  modelType?: ModelType;
  /** Left out, found by the first record's fields. */
  recordType?: RecordType;
  /** What becomes of a record that is not of the type; with 'skip' those of blank text are left out too. */
  onBadRecord?: OnBadRecord;
  /** Overrides what the folder says; several give their vectors one after the other. */
  poolingStrategy?: PoolingStrategy | readonly PoolingStrategy[];
  /** Names of the hub that the records came from, for the model card. */
  datasets?: readonly string[];
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
  /** What told the model type, in words. */
  readonly modelTypeReason: string;
  readonly recordType: RecordType;
  readonly #data: TrainingRows;
  readonly #isEmbedder: boolean;
  readonly #origin: ModelOrigin;
  /** Of the last run. */
  #strategy: StrategyName | undefined;

  private constructor(embedder: Embedder, detected: DetectedModelType, data: TrainingRows, origin: ModelOrigin) {
    const { modelType, reason } = detected;
    this.embedder = embedder;
    this.modelType = modelType;
    this.modelTypeReason = reason;
    this.recordType = data.recordType;
    this.#data = data;
    this.#isEmbedder = modelType !== 'huggingface'; // the other layouts are saved by trainers of embedders
    this.#origin = origin;
  }

  /**
   * @param model A model folder, or `owner/name` or `owner/name@revision` of the hub.
   * @throws ModelError, DataError or OptionError saying what is wrong with the model, the records or an option.
   */
  static async fromPretrained(model: string, options: FineTunerOptions): Promise<FineTuner> {
    requireOneOf('modelType', options.modelType, MODEL_TYPES);
    requireOneOf('recordType', options.recordType, RECORD_TYPES);
    requireOneOf('onBadRecord', options.onBadRecord, ON_BAD_RECORD);
    const data = await openTrainingData(options.dataset, options.recordType, options.onBadRecord, warn);
    for (const note of data.notes) warn(note);
    if (options.backend) await useEngine({ backend: options.backend });
    const folder = await modelFolder(model);
    const detected = options.modelType
      ? { modelType: options.modelType, reason: 'it was asked for' }
      : detectModelType(folder, model);
    const embedder = await Embedder.fromPretrained(folder, { poolingStrategy: options.poolingStrategy });
    if (detected.modelType === 'uniem' && !embedder.config.poolingStrategy && !options.poolingStrategy) {
      throw new ModelError(
        'config.json names no uniem_pooling_strategy, so it was not trained by uniem',
        model,
        "give poolingStrategy, or modelType 'huggingface' for a plain encoder",
      );
    }
    return new FineTuner(embedder, detected, data, { model, folder, datasets: options.datasets ?? [] });
  }

  /** Trains, writes `<outputDir>/metrics.jsonl` as it goes, and saves `<outputDir>/model`. */
  async run(options: FinetuneOptions = {}, hooks: RunHooks = {}): Promise<RunResult> {
    const given = resolveOptions(options);
    this.#check(given);
    const resolved = { ...given, inBatchPositives: given.inBatchPositives || this.#inBatchPositives(given) };
    await useEngine({ backend: tf.getBackend() as EngineName, precision: resolved.precision });
    const { embedder } = this;
    const { dropout: ownDropout } = embedder.config;
    if (resolved.dropout !== undefined) embedder.setDropout(resolved.dropout);
    // A model that trained on longer texts than it took before takes them from now on.
    embedder.maxLength = Math.max(embedder.maxLength, resolved.maxLength ?? 0);
    const run = await TrainingRun.open(embedder, this.#data, resolved, hooks, this.#isEmbedder);
    this.#strategy = resolved.strategy;
    const outcome = await run.run();
    embedder.config.dropout = ownDropout;
    const modelFolder = join(resolved.outputDir, 'model');
    const { validation, evaluation } = outcome;
    const { prefix, summary, options: used, lengths, metricsFile } = run;
    const card = modelCard({ embedder, origin: this.#origin, prefix, training: summary, validation, evaluation });
    await embedder.save(modelFolder, { 'README.md': card });
    const report = reportHtml({ metricsFile, summary, options: used, lengths, evaluation });
    writeFileWhole(join(resolved.outputDir, 'report.html'), report);
    return { ...outcome, modelFolder, metricsFile };
  }

  /** Where a record has no negatives, other positives are negatives for all. */
  #inBatchPositives({ contrastiveWeight }: ResolvedFinetuneOptions): boolean {
    return this.#data.withoutNegatives > 0 && (this.recordType === 'triplet' || contrastiveWeight > 0);
  }

  #check(options: ResolvedFinetuneOptions): void {
    const { batchSize, backend, earlyStoppingPatience, keepBest } = options;
    this.embedder.requireSaveable();
    if (options.resume && (this.#strategy === 'lora' || this.#strategy === 'prefix')) {
      throw new OptionError(
        `what strategy ${this.#strategy} trained is a part of this model already`,
        'resume',
        'open the model anew with FineTuner.fromPretrained',
      );
    }
    checkStrategyOptions(options);
    checkLossOptions(this.recordType, options, this.embedder.dimension);
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
