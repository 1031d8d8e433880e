/** From a pretrained model and records to a better model in a folder. */

import { join } from 'node:path';

import {
  BACKENDS,
  Embedder,
  ModelError,
  OptionError,
  type PoolingStrategy,
  useEngine,
  writeFileWhole,
} from '@uniem/core';
import { CALLBACK, type Kind, NAME, OBJECT, oneOf, requireKind, requireOptions } from '@uniem/core/arguments';
import { Dataset, ON_BAD_RECORD, type OnBadRecord, RECORD_TYPES, type RecordType } from '@uniem/data';
import { textsOf } from '../batches/records.ts';
import {
  openTrainingData,
  type TrainingData,
  type TrainingDataDict,
  type TrainingRows,
} from '../batches/training-data.ts';
import { checkLossOptions } from '../losses/losses.ts';
import { MODEL_TYPES, type ModelType, type StrategyName } from '../names.ts';
import { type FinetuneOptions, type ResolvedFinetuneOptions, resolveOptions } from '../options.ts';
import { languageOf } from '../report/language.ts';
import { modelCard } from '../report/model-card.ts';
import { reportHtml } from '../report/report.ts';
import { checkStrategyOptions } from '../strategies/index.ts';
import { NotFinite } from './finite.ts';
import { type DetectedModelType, detectModelType } from './model-type.ts';
import type { RunHooks, RunOutcome } from './run-hooks.ts';
import { refuseHeldFolder } from './run-lock.ts';
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
  /** Where the model is an adapter of PEFT: what it changes, in place of what its adapter_config.json names. */
  baseModel?: string | undefined;
}

export interface RunResult extends RunOutcome {
  modelFolder: string;
  metricsFile: string;
}

const DATASET: Kind = {
  name: 'records, or an object { train, validation } of them',
  is: (value) => typeof value === 'object' && value !== null,
};

const OPTIONS: Record<string, Kind> = {
  dataset: DATASET,
  modelType: oneOf(...MODEL_TYPES),
  recordType: oneOf(...RECORD_TYPES),
  onBadRecord: oneOf(...ON_BAD_RECORD),
  poolingStrategy: {
    name: 'a pooling strategy or a list of them',
    is: (value) => NAME.is(value) || Array.isArray(value),
  },
  datasets: { name: 'an array of names', is: Array.isArray },
  backend: oneOf(...BACKENDS),
  baseModel: NAME,
};

const HOOKS: Record<string, Kind> = { signal: OBJECT, onStart: CALLBACK, onStep: CALLBACK, onEpoch: CALLBACK };

/** Records whose texts tell the language. */
const LANGUAGE_RECORDS = 1000;

/** Models that a run trains now. */
const TRAINING = new WeakSet<Embedder>();

export class FineTuner {
  readonly embedder: Embedder;
  readonly modelType: ModelType;
  /** What told the model type, in words. */
  readonly modelTypeReason: string;
  readonly recordType: RecordType;
  readonly #data: TrainingRows;
  readonly #isEmbedder: boolean;
  /** Names of the hub that the records came from. */
  readonly #datasets: readonly string[];
  /** Of the last run. */
  #strategy: StrategyName | undefined;

  private constructor(
    embedder: Embedder,
    detected: DetectedModelType,
    data: TrainingRows,
    datasets: readonly string[],
  ) {
    const { modelType, reason } = detected;
    this.embedder = embedder;
    this.modelType = modelType;
    this.modelTypeReason = reason;
    this.recordType = data.recordType;
    this.#data = data;
    this.#isEmbedder = modelType !== 'huggingface'; // the other layouts are saved by trainers of embedders
    this.#datasets = datasets;
  }

  /**
   * @param model A model folder, or `owner/name` or `owner/name@revision` of the hub.
   * @throws ModelError, DataError or OptionError saying what is wrong with the model, the records or an option.
   */
  static async fromPretrained(model: string, options: FineTunerOptions): Promise<FineTuner> {
    requireKind(model, NAME, 'model', 'give a model folder, or owner/name of the hub');
    requireOptions(options, OPTIONS, 'FineTuner.fromPretrained');
    requireKind(options.dataset, DATASET, 'dataset');
    const data = await openTrainingData(options.dataset, options.recordType, options.onBadRecord, warn);
    for (const note of data.notes) warn(note);
    if (options.backend) await useEngine({ backend: options.backend });
    const { poolingStrategy, baseModel } = options;
    const embedder = await Embedder.fromPretrained(model, { poolingStrategy, baseModel });
    const detected = options.modelType
      ? { modelType: options.modelType, reason: 'it was asked for' }
      : detectedOf(embedder);
    if (detected.modelType === 'uniem' && !embedder.config.poolingStrategy && !options.poolingStrategy) {
      throw new ModelError(
        'config.json names no uniem_pooling_strategy, so it was not trained by uniem',
        model,
        "give poolingStrategy, or modelType 'huggingface' for a plain encoder",
      );
    }
    return new FineTuner(embedder, detected, data, options.datasets ?? []);
  }

  /**
   * Trains, writes `<outputDir>/metrics.jsonl` as it goes, and saves `<outputDir>/model`.
   *
   * @throws OptionError while another run trains this model, or writes into the folder, in whatever process.
   */
  async run(options: FinetuneOptions = {}, hooks: RunHooks = {}): Promise<RunResult> {
    const resolved = resolveOptions(options);
    requireOptions(hooks, HOOKS, 'hooks');
    const { embedder } = this;
    embedder.requireSaveable();
    if (TRAINING.has(embedder)) {
      throw new OptionError('a run of this FineTuner is under way', 'run', 'await it, or open the model once more');
    }
    TRAINING.add(embedder);
    const { dropout } = embedder.config;
    try {
      return await this.#run(resolved, hooks);
    } finally {
      embedder.config.dropout = dropout;
      TRAINING.delete(embedder);
    }
  }

  async #run(given: ResolvedFinetuneOptions, hooks: RunHooks): Promise<RunResult> {
    this.#check(given);
    const resolved = { ...given, inBatchPositives: given.inBatchPositives || this.#inBatchPositives(given) };
    refuseHeldFolder(resolved.outputDir);
    const embedder = await this.embedder.inPrecision(resolved.precision);
    const { maxLength } = embedder;
    if (resolved.dropout !== undefined) embedder.setDropout(resolved.dropout);
    // A model that trained on longer texts than it took before takes them from now on.
    embedder.maxLength = Math.max(maxLength, resolved.maxLength ?? 0);
    const strategy = this.#strategy;
    let run: TrainingRun | undefined;
    let outcome: RunOutcome | undefined;
    try {
      run = await TrainingRun.open(embedder, this.#data, resolved, hooks, this.#isEmbedder);
      this.#strategy = resolved.strategy;
      outcome = await run.run();
      const modelFolder = join(resolved.outputDir, 'model');
      const { validation, evaluation } = outcome;
      const { prefix, summary: training, options: used, lengths, metricsFile } = run;
      const [datasets, language] = [this.#datasets, this.#language()];
      const card = modelCard({ embedder, datasets, language, prefix, training, validation, evaluation });
      await embedder.save(modelFolder, { 'README.md': card });
      const { losses, epochSteps } = run.course;
      const report = { metricsFile, losses, epochSteps, summary: training, options: used, lengths, evaluation };
      writeFileWhole(join(resolved.outputDir, 'report.html'), reportHtml(report));
      return { ...outcome, modelFolder, metricsFile };
    } catch (error) {
      if (!outcome) embedder.maxLength = maxLength;
      if (error instanceof NotFinite) this.#strategy = strategy; // the weights are those from before
      throw error;
    } finally {
      run?.release();
    }
  }

  /** Of the training set; that of a stream is not known before its end. */
  #language(): string | undefined {
    const { train } = this.#data;
    if (!(train instanceof Dataset)) return undefined;
    const stride = Math.ceil(train.length / LANGUAGE_RECORDS);
    const indices = Array.from({ length: Math.floor(train.length / stride) }, (_, i) => i * stride); // from everywhere
    return languageOf([...train.select(indices)].flatMap((row) => textsOf(row, this.recordType)));
  }

  /** Where a record has no negatives, other positives are negatives for all. */
  #inBatchPositives({ contrastiveWeight }: ResolvedFinetuneOptions): boolean {
    return this.#data.withoutNegatives > 0 && (this.recordType === 'triplet' || contrastiveWeight > 0);
  }

  #check(options: ResolvedFinetuneOptions): void {
    const { batchSize, backend, earlyStoppingPatience, keepBest } = options;
    if (options.resume && (this.#strategy === 'lora' || this.#strategy === 'prefix')) {
      throw new OptionError(
        `what strategy ${this.#strategy} trained is a part of this model already`,
        'resume',
        'open the model anew with FineTuner.fromPretrained',
      );
    }
    if (options.saveAdapter && this.#strategy !== undefined) {
      throw new OptionError(
        'no folder holds the model as the last run left it, which the adapter would change',
        'saveAdapter',
        "open the last run's model with FineTuner.fromPretrained, or leave saveAdapter out",
      );
    }
    checkStrategyOptions(options);
    checkLossOptions(this.recordType, options, this.embedder.dimension);
    if (this.recordType === 'pair' && batchSize === 1) {
      throw new OptionError('a batch of one pair has no negative', 'batchSize', 'give 2 or more');
    }
    const { engine } = this.embedder;
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

/** An adapter without modules of its own is what its base is. */
function detectedOf({ origin: { folder, name, base } }: Embedder): DetectedModelType {
  const own = detectModelType(folder, name);
  return own.modelType === 'huggingface' && base ? detectModelType(base.folder, base.name) : own;
}
