/** One run of a FineTuner: its steps and epochs, what it writes, and how it goes on after an interruption. */

import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';

import * as tf from '@tensorflow/tfjs';
import { dropoutState, type Embedder, OptionError, type Parameters, ProgressBar } from '@uniem/core';
import { DataError, Dataset, sourceOf } from '@uniem/data';

import { AdamW } from './adamw.ts';
import { findBatchSize } from './batch-size.ts';
import { Checkpoints, type RunIdentity, type RunState } from './checkpoints.ts';
import { CollapseGuard } from './collapse-guard.ts';
import { type LrSetting, suggestLr } from './learning-rate.ts';
import { MetricsFile } from './metrics.ts';
import type { ResolvedFinetuneOptions } from './options.ts';
import { prepareOutput } from './output-folder.ts';
import { Pace } from './pace.ts';
import { type BatchSource, recordBatches, stepBatches } from './record-batches.ts';
import { batchLoss, type RecordBatch } from './records.ts';
import { schedule } from './schedules.ts';
import { applyStrategy } from './strategies/index.ts';
import { layerLrFactors } from './strategies/layers.ts';
import type { Strategy } from './strategies/strategy.ts';
import { train } from './trainer.ts';
import type { TrainingRows } from './training-data.ts';

/** A run that is about to make its first step. */
export interface RunStart {
  /** Step of the checkpoint it goes on from; 0 where it begins anew. */
  resumedFrom: number;
  /** Undefined for a stream of unknown length. */
  totalSteps: number | undefined;
}

/** A step that is done. */
export interface StepEnd {
  /** Counted from 1. */
  step: number;
  epoch: number;
  /** Mean over the step's batches. */
  loss: number;
  lr: number;
}

/** An epoch that is done. */
export interface EpochEnd {
  /** Counted from 1. */
  epoch: number;
  trainLoss: number;
  /** Where there is a validation set. */
  validationLoss: number | undefined;
}

/** What a caller does as the run goes; a promise is awaited, and an error ends the run. */
export interface RunHooks {
  /** Aborting it ends the run after the current step; the model so far is saved, and the run can be resumed. */
  signal?: AbortSignal;
  onStart?: (start: RunStart) => unknown;
  onStep?: (end: StepEnd) => unknown;
  onEpoch?: (end: EpochEnd) => unknown;
}

/** How a run ended. */
export interface RunOutcome {
  /** Optimizer steps done, those before a resumed checkpoint included. */
  steps: number;
  /** Whether the signal ended the run early. */
  stopped: boolean;
}

/** Options that have no part in which weights come out; all others must be the same for a run to be resumed. */
const FREE_OPTIONS = new Set([
  'outputDir',
  'resume',
  'saveSteps',
  'saveOnEpochEnd',
  'numMaxCheckpoints',
  'logInterval',
  'backend',
]);

/** Steps between looks for collapse, at least. */
const GUARD_STEPS = 10;

export class TrainingRun {
  readonly metrics: MetricsFile;
  readonly #source: BatchSource;
  readonly #data: TrainingRows;
  readonly #hooks: RunHooks;
  readonly #strategy: Strategy;
  readonly #variables: Parameters;
  readonly #optimizer: AdamW;
  readonly #checkpoints: Checkpoints;
  readonly #identity: RunIdentity;
  readonly #totalSteps: number | undefined;
  readonly #lr: (step: number) => number;
  readonly #state: RunState;

  /**
   * Prepares the model, and restores the checkpoint of a run to resume.
   *
   * @param isEmbedder Whether the model was trained as one before.
   * @throws OptionError where no step can be made, or the run cannot be resumed with these options.
   */
  static async open(
    embedder: Embedder,
    data: TrainingRows,
    resolved: ResolvedFinetuneOptions,
    hooks: RunHooks,
    isEmbedder: boolean,
  ): Promise<TrainingRun> {
    const values = valuesOf(embedder.parameters);
    const strategy = applyStrategy(embedder, resolved);
    try {
      const { recordType } = data;
      const trial = { embedder, recordType, options: resolved, variables: strategy.variables };
      const batchSize = resolved.batchSize ?? (await findBatchSize(data.train, trial));
      const source = { embedder, recordType, options: { ...resolved, batchSize }, prefix: strategy.prefix };
      return new TrainingRun(source, data, hooks, strategy, { values, isEmbedder });
    } catch (error) {
      strategy.finish();
      throw error;
    }
  }

  private constructor(
    source: BatchSource,
    data: TrainingRows,
    hooks: RunHooks,
    made: Strategy,
    model: Pick<LrSetting, 'values' | 'isEmbedder'>,
  ) {
    const { options, recordType } = source;
    this.#source = source;
    this.#data = data;
    this.#hooks = hooks;
    this.#totalSteps = totalSteps(source, data);
    prepareOutput(options.outputDir);
    this.#strategy = made;
    this.#variables = made.variables;
    const { lrPolicy: policy, strategy } = options;
    const trainable = valuesOf(this.#variables);
    const lr = options.lr ?? suggestLr({ policy, strategy, trainable, ...model });
    this.#lr = schedule(lr, options, this.#totalSteps);
    const lrFactor = layerLrFactors(this.#variables.keys(), options.layerLrDecay);
    this.#optimizer = new AdamW({ weightDecay: options.weightDecay, lrFactor });
    this.#checkpoints = new Checkpoints(options.outputDir, options.numMaxCheckpoints);
    const deciding = Object.entries(options).filter(([name]) => !FREE_OPTIONS.has(name));
    const records = data.train instanceof Dataset ? data.train.length : 'a stream';
    this.#identity = { ...Object.fromEntries(deciding), recordType, records };
    const restored = options.resume
      ? this.#checkpoints.restore(this.#identity, this.#variables, this.#optimizer)
      : undefined;
    if (!restored) this.#checkpoints.clear();
    this.#state = restored ?? {
      step: 0,
      epoch: 1,
      stepsOfEpoch: 0,
      epochLoss: 0,
      metricsBytes: 0,
      best: undefined,
      evaluationsSinceBest: 0,
      evaluationDue: false,
    };
    this.metrics = new MetricsFile(join(options.outputDir, 'metrics.jsonl'), this.#state.metricsBytes);
  }

  /** Trains to the end, the signal or the first error. The weights are the last ones, or the best with keepBest. */
  async run(): Promise<RunOutcome> {
    const { epochs, keepBest, saveOnEpochEnd, outputDir } = this.#source.options;
    const bar = new ProgressBar('train', this.#totalSteps);
    const pace = new Pace();
    const state = this.#state;
    try {
      const guard = await CollapseGuard.of(this.#source, this.#data.train);
      await this.#hooks.onStart?.({ resumedFrom: state.step, totalSteps: this.#totalSteps });
      while (state.epoch <= epochs && !this.#ended()) {
        await this.#epoch(bar, pace, guard);
        if (this.#stopped()) break;
        state.epoch += 1;
        state.stepsOfEpoch = 0;
        state.epochLoss = 0;
        if (saveOnEpochEnd) await this.#save();
      }
      if (state.step === 0 && !this.#stopped()) {
        throw new DataError('no batch came of the training set', undefined, 'give more records');
      }
      if (keepBest && state.best && !this.#stopped()) this.#checkpoints.restoreBest(this.#variables);
      await this.#strategy.save?.(join(outputDir, 'adapter'));
    } finally {
      bar.end();
      this.#optimizer.dispose();
      this.#strategy.finish();
    }
    return { steps: state.step, stopped: this.#stopped() };
  }

  async #epoch(bar: ProgressBar, pace: Pace, guard: CollapseGuard): Promise<void> {
    const { options, embedder } = this.#source;
    const state = this.#state;
    if (state.evaluationDue) await this.#evaluateStep();
    const steps = train<RecordBatch>({
      groups: stepBatches(this.#data.train, this.#source, state.epoch, state.stepsOfEpoch),
      loss: (batch, pass) => batchLoss(embedder, batch, options, dropoutState(options.seed, pass)),
      variables: this.#variables,
      optimizer: this.#optimizer,
      schedule: this.#lr,
      maxGradNorm: options.maxGradNorm,
      startStep: state.step,
    });
    for await (const { step, loss, lr, gradNorm, group } of steps) {
      if (!Number.isFinite(loss)) throw notFinite('loss', loss, step, group);
      if (!Number.isFinite(gradNorm ?? 0)) throw notFinite('gradient norm', gradNorm, step, group);
      state.step = step;
      state.stepsOfEpoch += 1;
      state.epochLoss += loss;
      const { epoch } = state;
      pace.add(group.reduce((sum, { size }) => sum + size, 0));
      if (step % options.logInterval === 0) {
        const norm = gradNorm === undefined ? {} : { gradNorm };
        this.metrics.write({ step, epoch, loss, lr, ...norm, recordsPerSecond: pace.take() });
      }
      if (step % Math.max(GUARD_STEPS, options.logInterval) === 0) this.#warn(guard.check());
      bar.update(step, `loss ${loss.toFixed(4)}  ${Math.round(pace.overall())} records/s`);
      if (options.evalSteps && step % options.evalSteps === 0) await this.#evaluateStep();
      if (this.#stopped() || (options.saveSteps && step % options.saveSteps === 0)) await this.#save();
      await this.#hooks.onStep?.({ step, epoch, loss, lr });
      if (this.#ended()) break;
    }
    const { epoch } = state;
    const trainLoss = state.epochLoss / Math.max(1, state.stepsOfEpoch);
    const validationLoss = options.evalSteps ? undefined : await this.#evaluate();
    this.metrics.write({ epoch, trainLoss, ...(validationLoss === undefined ? {} : { validationLoss }) });
    await this.#hooks.onEpoch?.({ epoch, trainLoss, validationLoss });
  }

  /** An evaluation within an epoch, with its line; one that the signal cuts off is due when the run goes on. */
  async #evaluateStep(): Promise<void> {
    const { step, epoch } = this.#state;
    const validationLoss = await this.#evaluate();
    if (validationLoss !== undefined) this.metrics.write({ step, epoch, validationLoss });
    this.#state.evaluationDue = this.#data.validation !== undefined && validationLoss === undefined;
  }

  async #save(): Promise<void> {
    this.#state.metricsBytes = this.metrics.bytes;
    await this.#checkpoints.save(this.#state, this.#identity, this.#variables, this.#optimizer);
  }

  #warn(warning: string | undefined): void {
    if (warning !== undefined) process.stderr.write(`warning: ${warning}\n`);
  }

  #stopped(): boolean {
    return this.#hooks.signal?.aborted === true;
  }

  /** Whether no further step is to be made. */
  #ended(): boolean {
    const { maxSteps = Number.POSITIVE_INFINITY, earlyStoppingPatience = Number.POSITIVE_INFINITY } =
      this.#source.options;
    return this.#stopped() || this.#state.step >= maxSteps || this.#state.evaluationsSinceBest >= earlyStoppingPatience;
  }

  /** The validation loss; undefined without a validation set, and where the run is stopped before its end. */
  async #evaluate(): Promise<number | undefined> {
    const { embedder, options } = this.#source;
    if (!this.#data.validation) return undefined;
    const source = { ...this.#source, options: { ...options, dropLast: false } };
    let sum = 0;
    let count = 0;
    for await (const batch of recordBatches(this.#data.validation, source)) {
      await setImmediate(); // lets a signal through, as the trainer does
      if (this.#stopped()) return undefined;
      const loss = tf.tidy(() => batchLoss(embedder, batch, options));
      sum += (await loss.data())[0] as number;
      loss.dispose();
      count += 1;
    }
    if (count === 0) return undefined;
    await this.#rank(sum / count);
    return sum / count;
  }

  async #rank(validationLoss: number): Promise<void> {
    const state = this.#state;
    state.evaluationsSinceBest += 1;
    if (state.best && state.best.validationLoss <= validationLoss) return;
    state.best = { validationLoss, step: state.step };
    state.evaluationsSinceBest = 0;
    if (this.#source.options.keepBest) await this.#checkpoints.saveBest(this.#variables);
  }
}

/** Undefined for a stream, whose length is not known. */
function totalSteps({ options, recordType }: BatchSource, { train: rows }: TrainingRows): number | undefined {
  const { batchSize, dropLast, gradientAccumulationSteps, epochs, maxSteps } = options;
  if (!(rows instanceof Dataset)) return maxSteps;
  const least = dropLast ? batchSize : recordType === 'pair' ? 2 : 1; // records that make a last batch
  const perEpoch = Math.floor(rows.length / batchSize) + (rows.length % batchSize >= least ? 1 : 0);
  const total = Math.ceil(perEpoch / gradientAccumulationSteps) * epochs;
  if (total > 0) return Math.min(total, maxSteps ?? Number.POSITIVE_INFINITY);
  throw new OptionError(
    `no batch of ${batchSize} can be made of the training set`,
    'batchSize',
    'give more records, or leave dropLast out',
  );
}

function notFinite(what: string, value: number | undefined, step: number, group: readonly RecordBatch[]): OptionError {
  const records = group.flatMap((batch) => batch.records);
  const shown = records.slice(0, 3).map((record) => sourceOf(record) ?? JSON.stringify(record));
  return new OptionError(
    `the ${what} is ${value} at step ${step}, a step of ${records.length} records (${shown.join(', ')}, …); no model is saved, checkpoints stay`,
    'run',
    'look at these records, lower lr, or raise temperature',
  );
}

function valuesOf(variables: Parameters): number {
  return [...variables.values()].reduce((sum, { size }) => sum + size, 0);
}
