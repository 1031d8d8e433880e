/** One run of a FineTuner: its steps and epochs, what it writes, and how it goes on after an interruption. */

import { join } from 'node:path';

import {
  dropoutState,
  type Embedder,
  lengthsOf,
  OptionError,
  type Parameters,
  ProgressBar,
  type TokenBatch,
} from '@uniem/core';
import { DataError, Dataset, sourceOf } from '@uniem/data';

import { AdamW } from './adamw.ts';
import { findBatchSize } from './batch-size.ts';
import { Checkpoints, type RunIdentity, type RunState } from './checkpoints.ts';
import { CollapseGuard } from './collapse-guard.ts';
import type { Metrics } from './evaluators/tasks.ts';
import { type CachedPass, cachedGradients } from './grad-cache.ts';
import { type LrSetting, suggestLr } from './learning-rate.ts';
import { batchLoss, describeLoss, embeddingsLoss } from './losses.ts';
import { MetricsFile, type MetricsLine, readMetrics, type TaskMetrics } from './metrics.ts';
import type { ResolvedFinetuneOptions, RunOptions } from './options.ts';
import { prepareOutput } from './output-folder.ts';
import { Pace } from './pace.ts';
import { type BatchSource, stepBatches, totalSteps } from './record-batches.ts';
import type { RecordBatch } from './records.ts';
import type { RunHooks, RunOutcome } from './run-hooks.ts';
import { schedule } from './schedules.ts';
import { applyStrategy } from './strategies/index.ts';
import { layerLrFactors } from './strategies/layers.ts';
import type { Strategy } from './strategies/strategy.ts';
import { makeTrackers } from './trackers/index.ts';
import { Trackers } from './trackers/tracker.ts';
import { type Gradients, train } from './trainer.ts';
import type { TrainingRows } from './training-data.ts';
import { meanLoss } from './validation.ts';
import { type Evaluation, measureTask, type ValidationTask, validationTask } from './validation-task.ts';

/** Options that have no part in which weights come out; all others must be the same for a run to be resumed. */
const FREE_OPTIONS = new Set([
  'outputDir',
  'resume',
  'saveSteps',
  'saveOnEpochEnd',
  'numMaxCheckpoints',
  'logInterval',
  'evalRecords',
  'logWith',
  'backend',
]);

/** Dropout places that a part of a batch has for itself; a model has some hundred. */
const PART_PLACES = 2 ** 16;

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
  readonly #trackers: Trackers;
  readonly #identity: RunIdentity;
  readonly #totalSteps: number | undefined;
  readonly #peakLr: number;
  readonly #lr: (step: number) => number;
  readonly #state: RunState;
  readonly #validation: RunOutcome['validation'] = [];
  readonly #lengths: number[] = [];

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
      const steps = await totalSteps(source, data.train);
      return new TrainingRun(source, data, hooks, strategy, { values, isEmbedder, steps });
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
    { steps, ...model }: Pick<LrSetting, 'values' | 'isEmbedder'> & { steps: number | undefined },
  ) {
    const { options, recordType } = source;
    this.#source = source;
    this.#data = data;
    this.#hooks = hooks;
    this.#totalSteps = steps;
    prepareOutput(options.outputDir);
    this.#strategy = made;
    this.#variables = made.variables;
    const { lrPolicy: policy, strategy } = options;
    const trainable = valuesOf(this.#variables);
    const lr = options.lr ?? suggestLr({ policy, strategy, trainable, ...model });
    this.#peakLr = lr;
    this.#lr = schedule(lr, options, this.#totalSteps);
    const lrFactor = layerLrFactors(this.#variables.keys(), options.layerLrDecay);
    this.#optimizer = new AdamW({ weightDecay: options.weightDecay, lrFactor });
    this.#checkpoints = new Checkpoints(options.outputDir, options.numMaxCheckpoints);
    this.#trackers = new Trackers(makeTrackers(options.logWith, options.outputDir), (text) => this.#warn(text));
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

  /** Texts seen, by their tokens: of less than 8, 16, 32, … */
  get lengths(): { below: number; count: number }[] {
    return this.#lengths.map((count, i) => ({ below: 8 * 2 ** i, count }));
  }

  /** Options with what was found for those left out. */
  get options(): RunOptions {
    return this.#source.options;
  }

  /** What the run was made of, for people to read. */
  get summary(): [name: string, value: string | number][] {
    const { options, recordType } = this.#source;
    const { train } = this.#data;
    return [
      ['records', `${train instanceof Dataset ? train.length : 'a stream'}, ${recordType}`],
      ['loss', describeLoss(recordType, options)],
      ['strategy', options.strategy],
      ['batch size', options.batchSize * options.gradientAccumulationSteps],
      ['learning rate', this.#peakLr],
      ['epochs', options.epochs],
      ['steps', this.#state.step],
      ['max length', options.maxLength],
      ['precision', options.precision],
      ['seed', options.seed],
    ];
  }

  /** Trains to the end, the signal or the first error. The weights are the last ones, or the best with keepBest. */
  async run(): Promise<RunOutcome> {
    const { epochs, keepBest, saveOnEpochEnd, outputDir } = this.#source.options;
    const bar = new ProgressBar('train', this.#totalSteps);
    const pace = new Pace();
    const state = this.#state;
    let evaluation: Evaluation | undefined;
    try {
      const guard = await CollapseGuard.of(this.#source, this.#data.train);
      await this.#trackers.start(this.#source.options);
      await this.#hooks.onStart?.({ resumedFrom: state.step, totalSteps: this.#totalSteps });
      const task = await this.#task();
      const before = await this.#before(task);
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
      const after = task && (await this.#measure(task));
      if (task && after) evaluation = { task: task.task, records: task.records, before, after };
      await this.#strategy.save?.(join(outputDir, 'adapter'));
    } finally {
      bar.end();
      await this.#trackers.end();
      this.#optimizer.dispose();
      this.#strategy.finish();
    }
    return { steps: state.step, stopped: this.#stopped(), validation: this.#validation, evaluation };
  }

  async #epoch(bar: ProgressBar, pace: Pace, guard: CollapseGuard): Promise<void> {
    const { options, embedder } = this.#source;
    const state = this.#state;
    if (state.evaluationDue) await this.#evaluateStep();
    const steps = train<RecordBatch>({
      groups: stepBatches(this.#data.train, this.#source, state.epoch, state.stepsOfEpoch),
      loss: (batch, pass) => batchLoss(embedder, batch, options, dropoutState(options.seed, pass)),
      gradients: options.gradCacheTokens === undefined ? undefined : (batch, pass) => this.#cached(batch, pass),
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
      for (const { tokens } of group) this.#countLengths(tokens);
      pace.add(group.reduce((sum, { size }) => sum + size, 0));
      if (step % options.logInterval === 0) {
        const norm = gradNorm === undefined ? {} : { gradNorm };
        await this.#log({ step, epoch, loss, lr, ...norm, recordsPerSecond: pace.take() });
      }
      if (step % Math.max(GUARD_STEPS, options.logInterval) === 0) this.#warn(guard.check());
      bar.update(step, `loss ${loss.toFixed(4)}  ${Math.round(pace.overall())} records/s`);
      if (options.evalSteps && step % options.evalSteps === 0) await this.#evaluateStep();
      await this.#hooks.onStep?.({ step, epoch, loss, lr });
      if (this.#stopped() || (options.saveSteps && step % options.saveSteps === 0)) await this.#save();
      if (this.#ended()) break;
    }
    const { epoch } = state;
    const trainLoss = state.epochLoss / Math.max(1, state.stepsOfEpoch);
    const validationLoss = options.evalSteps ? undefined : await this.#evaluate();
    await this.#log({ epoch, trainLoss, ...(validationLoss === undefined ? {} : { validationLoss }) });
    if (validationLoss !== undefined) this.#validation.push({ epoch, validationLoss });
    await this.#hooks.onEpoch?.({ epoch, trainLoss, validationLoss });
  }

  #countLengths(tokens: TokenBatch): void {
    for (const length of lengthsOf(tokens)) {
      const bin = Math.max(0, Math.floor(Math.log2(length / 8)) + 1);
      while (this.#lengths.length <= bin) this.#lengths.push(0);
      (this.#lengths[bin] as number) += 1;
    }
  }

  #cached(batch: RecordBatch, pass: number): Gradients {
    const { embedder, options } = this.#source;
    const { seed } = dropoutState(options.seed, pass);
    const cached: CachedPass = {
      tokens: batch.tokens,
      tokensAtOnce: options.gradCacheTokens as number,
      embed: (part, i) => embedder.embed(part, { seed, place: i * PART_PLACES }, options.gradientCheckpointing),
      loss: (embeddings) => embeddingsLoss(embedder, embeddings, batch, options),
    };
    return cachedGradients(cached, this.#variables);
  }

  /** An evaluation within an epoch, with its line; one that the signal cuts off is due when the run goes on. */
  async #evaluateStep(): Promise<void> {
    const { step, epoch } = this.#state;
    const validationLoss = await this.#evaluate();
    if (validationLoss !== undefined) await this.#log({ step, epoch, validationLoss });
    this.#state.evaluationDue = this.#data.validation !== undefined && validationLoss === undefined;
  }

  #task(): Promise<ValidationTask | undefined> | undefined {
    const { recordType, options } = this.#source;
    return this.#data.validation && validationTask(this.#data.validation, recordType, options.evalRecords);
  }

  /** What the model was worth before the first step; of a resumed run, what it wrote then. */
  async #before(task: ValidationTask | undefined): Promise<Metrics | undefined> {
    if (!task) return undefined;
    if (this.#state.step === 0) return this.#measure(task);
    const lines = readMetrics(this.metrics.path);
    const found = lines.find((line): line is TaskMetrics => 'task' in line && line.step === 0);
    return found?.task === task.task && found.records === task.records ? found.metrics : undefined;
  }

  async #measure(task: ValidationTask): Promise<Metrics | undefined> {
    const metrics = await measureTask(task, this.#source, () => this.#stopped());
    if (metrics) await this.#log({ step: this.#state.step, task: task.task, records: task.records, metrics });
    return metrics;
  }

  async #save(): Promise<void> {
    this.#state.metricsBytes = this.metrics.bytes;
    await this.#checkpoints.save(this.#state, this.#identity, this.#variables, this.#optimizer);
  }

  /** To metrics.jsonl, and to the trackers. */
  async #log(line: MetricsLine): Promise<void> {
    this.metrics.write(line);
    await this.#trackers.log(numbersOf(line), this.#state.step);
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
    const { validation } = this.#data;
    const loss = validation && (await meanLoss(validation, this.#source, () => this.#stopped()));
    if (loss !== undefined) await this.#rank(loss);
    return loss;
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

/** A line as names and numbers; those of a task stand under its name. */
function numbersOf(line: MetricsLine): Metrics {
  if ('task' in line) {
    return Object.fromEntries(Object.entries(line.metrics).map(([name, value]) => [`${line.task}/${name}`, value]));
  }
  const { step: _, ...numbers } = line as Exclude<MetricsLine, TaskMetrics> & { step?: number };
  return numbers;
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
