/** One run of a FineTuner: its steps and epochs, what it writes, and how it goes on after an interruption. */

import { join } from 'node:path';

import { downloadParameters, type Embedder, lengthsOf, ProgressBar, type TokenBatch } from '@uniem/core';
import { DataError, Dataset } from '@uniem/data';
import { stepBatches } from '../batches/record-batches.ts';
import type { RecordBatch } from '../batches/records.ts';
import type { TrainingRows } from '../batches/training-data.ts';
import type { Metrics } from '../evaluation/tasks.ts';
import type { Evaluation, ValidationTask } from '../evaluation/validation-task.ts';
import { batchGradients } from '../gradients/batch-gradients.ts';
import { train } from '../gradients/trainer.ts';
import { describeLoss } from '../losses/losses.ts';
import type { ResolvedFinetuneOptions, RunOptions } from '../options.ts';
import { type MetricsLine, numbersOf } from '../report/metrics.ts';
import type { RunStatus } from '../trackers/tracker.ts';
import type { RunState } from './checkpoints.ts';
import { CollapseGuard } from './collapse-guard.ts';
import { Evaluations } from './evaluations.ts';
import { NotFinite, requireFiniteStep, requireFiniteWeights } from './finite.ts';
import { Pace } from './pace.ts';
import type { RunHooks, RunOutcome } from './run-hooks.ts';
import { type PreparedRun, prepareRun, warn } from './run-setup.ts';

/** Steps between looks for collapse, at least. */
const GUARD_STEPS = 10;

/** Steps whose losses a run keeps for its report; a longer run is drawn from metrics.jsonl. */
const KEPT_LOSSES = 2000;

export class TrainingRun {
  readonly #run: PreparedRun;
  readonly #hooks: RunHooks;
  readonly #evaluations: Evaluations;
  readonly #state: RunState;
  /** What the newest checkpoint of this process holds. */
  #saved = '';

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
    return new TrainingRun(await prepareRun(embedder, data, resolved, isEmbedder), hooks);
  }

  private constructor(run: PreparedRun, hooks: RunHooks) {
    this.#run = run;
    this.#hooks = hooks;
    this.#state = run.state;
    this.#evaluations = new Evaluations(run, () => this.#stopped());
  }

  /** What stands before every text. */
  get prefix(): string {
    return this.#run.source.prefix;
  }

  /** Gives the output folder free. */
  release(): void {
    this.#run.release();
  }

  get metricsFile(): string {
    return this.#run.metrics.path;
  }

  /** Texts seen, by their tokens: of less than 8, 16, 32, … */
  get lengths(): { below: number; count: number }[] {
    return this.#state.lengths.map((count, i) => ({ below: 8 * 2 ** i, count }));
  }

  /** What report.html draws beside the lines of metrics.jsonl. */
  get course(): Pick<RunState, 'losses' | 'epochSteps'> {
    return this.#state;
  }

  /** Options with what was found for those left out. */
  get options(): RunOptions {
    return this.#run.source.options;
  }

  /** What the run was made of, for people to read. */
  get summary(): [name: string, value: string | number][] {
    const { options, recordType } = this.#run.source;
    const { train } = this.#run.data;
    return [
      ['records', `${train instanceof Dataset ? train.length : 'a stream'}, ${recordType}`],
      ['loss', describeLoss(recordType, options)],
      ['strategy', options.strategy],
      ['batch size', options.batchSize * options.gradientAccumulationSteps],
      ['learning rate', this.#run.peakLr],
      ['epochs', options.epochs],
      ['steps', this.#state.step],
      ['max length', options.maxLength],
      ['precision', options.precision],
      ['seed', options.seed],
    ];
  }

  /**
   * Trains to the end, the signal or the first error. The weights are the last ones, or the best with keepBest; those
   * from before where they left the numbers.
   */
  async run(): Promise<RunOutcome> {
    const { trackers, optimizer, strategy, source, before: weights } = this.#run;
    const state = this.#state;
    const bar = new ProgressBar('train', this.#run.totalSteps);
    let evaluation: Evaluation | undefined;
    let isWhole = false;
    let status: RunStatus = 'failed';
    let end = strategy.finish;
    try {
      await trackers.start(this.options, state.step);
      await this.#hooks.onStart?.({ resumedFrom: state.step, totalSteps: this.#run.totalSteps });
      const guard = await CollapseGuard.of(source, this.#run.data.train, state.meanCosine);
      state.meanCosine = guard.before;
      const task = await this.#evaluations.task();
      const before = task && (await this.#before(task));
      await this.#epochs(bar, guard);
      if (!this.#stopped()) {
        if (state.step === 0) throw new DataError('no batch came of the training set', undefined, 'give more records');
        if (this.options.keepBest) this.#restoreBest();
        requireFiniteWeights(await downloadParameters(strategy.variables), state.step);
        const after = task && (await this.#measure(task));
        if (task && after) evaluation = { task: task.task, records: task.records, before, after };
        isWhole = after !== undefined || task === undefined;
      }
      if (!isWhole && state.step > 0) await this.#save();
      await strategy.save?.(join(this.options.outputDir, 'adapter'));
      status = isWhole ? 'finished' : 'stopped';
    } catch (error) {
      if (error instanceof NotFinite) end = strategy.undo;
      if (error instanceof NotFinite) weights?.restore();
      throw error;
    } finally {
      bar.end();
      await trackers.end(status);
      optimizer.dispose();
      end();
      weights?.remove();
    }
    return { steps: state.step, stopped: !isWhole, validation: state.validation, evaluation };
  }

  /** The rest of the epoch that a checkpoint was in, then the others. */
  async #epochs(bar: ProgressBar, guard: CollapseGuard): Promise<void> {
    const state = this.#state;
    const pace = new Pace();
    const isWithin = () => state.stepsOfEpoch > 0 || state.evaluationDue;
    while (state.epoch <= Math.ceil(this.options.epochs) && (isWithin() || !this.#ended())) {
      if (state.evaluationDue) await this.#evaluateStep();
      if (!this.#ended()) await this.#steps(bar, pace, guard);
      if (this.#stopped() || !(await this.#endEpoch())) return;
    }
  }

  async #steps(bar: ProgressBar, pace: Pace, guard: CollapseGuard): Promise<void> {
    const { source, data, strategy, optimizer, lr: schedule } = this.#run;
    const { embedder, options } = source;
    const { variables } = strategy;
    const state = this.#state;
    const steps = train<RecordBatch>({
      groups: stepBatches(data.train, source, state.epoch, state.stepsOfEpoch),
      gradients: (batch, pass) => batchGradients(embedder, batch, options, variables, pass),
      compute: (work) => embedder.compute(work),
      passesAStep: options.gradientAccumulationSteps,
      variables,
      optimizer,
      schedule,
      maxGradNorm: options.maxGradNorm,
      startStep: state.step,
    });
    for await (const done of steps) {
      requireFiniteStep(done);
      const { step, loss, lr, gradNorm, group } = done;
      const { epoch } = state;
      state.step = step;
      state.stepsOfEpoch += 1;
      state.epochLoss += loss;
      if (state.losses.length === step - 1 && step <= KEPT_LOSSES) state.losses.push(loss);
      for (const { tokens } of group) this.#countLengths(tokens);
      pace.add(group.reduce((sum, { size }) => sum + size, 0));
      if (step % options.logInterval === 0) {
        const norm = gradNorm === undefined ? {} : { gradNorm };
        await this.#log({ step, epoch, loss, lr, ...norm, recordsPerSecond: pace.take() });
      }
      const warning = step % Math.max(GUARD_STEPS, options.logInterval) === 0 ? guard.check() : undefined;
      if (warning !== undefined) warn(warning);
      bar.update(step, `loss ${loss.toFixed(4)}  ${Math.round(pace.overall())} records/s`);
      if (options.evalSteps && step % options.evalSteps === 0) await this.#evaluateStep();
      await this.#hooks.onStep?.({ step, epoch, loss, lr });
      if (options.saveSteps && step % options.saveSteps === 0) await this.#save();
      if (this.#ended()) break;
    }
  }

  /** @returns Whether the run goes on; an evaluation that the signal cuts off is made when the run is resumed. */
  async #endEpoch(): Promise<boolean> {
    const state = this.#state;
    const { epoch } = state;
    const trainLoss = state.epochLoss / Math.max(1, state.stepsOfEpoch);
    const validationLoss = this.options.evalSteps ? undefined : await this.#evaluations.loss();
    if (validationLoss === undefined && this.#stopped()) return false;
    await this.#log({ epoch, trainLoss, ...(validationLoss === undefined ? {} : { validationLoss }) });
    if (validationLoss !== undefined) state.validation.push({ epoch, validationLoss });
    state.epochSteps.push(state.step);
    state.epoch += 1;
    state.stepsOfEpoch = 0;
    state.epochLoss = 0;
    if (this.options.saveOnEpochEnd) await this.#save();
    await this.#hooks.onEpoch?.({ epoch, trainLoss, validationLoss });
    return !this.#stopped();
  }

  #countLengths(tokens: TokenBatch): void {
    const { lengths } = this.#state;
    for (const length of lengthsOf(tokens)) {
      const bin = Math.max(0, Math.floor(Math.log2(length / 8)) + 1);
      while (lengths.length <= bin) lengths.push(0);
      (lengths[bin] as number) += 1;
    }
  }

  /** An evaluation within an epoch, with its line; one that the signal cuts off is due when the run goes on. */
  async #evaluateStep(): Promise<void> {
    const { step, epoch } = this.#state;
    const validationLoss = await this.#evaluations.loss();
    if (validationLoss !== undefined) await this.#log({ step, epoch, validationLoss });
    this.#state.evaluationDue = this.#run.data.validation !== undefined && validationLoss === undefined;
  }

  /** What the model was worth before the first step. */
  async #before(task: ValidationTask): Promise<Metrics | undefined> {
    return this.#state.step === 0 ? this.#measure(task) : this.#evaluations.before(task);
  }

  async #measure(task: ValidationTask): Promise<Metrics | undefined> {
    const metrics = await this.#evaluations.measure(task);
    if (metrics) await this.#log({ step: this.#state.step, task: task.task, records: task.records, metrics });
    return metrics;
  }

  #restoreBest(): void {
    if (this.#state.best) this.#run.checkpoints.restoreBest(this.#run.strategy.variables);
    else warn('keepBest: no validation loss was a number, so the weights are the last ones');
  }

  /** Where nothing has changed since the last checkpoint, that one does. */
  async #save(): Promise<void> {
    const { checkpoints, identity, metrics, strategy, optimizer } = this.#run;
    this.#state.metricsBytes = metrics.bytes;
    const state = JSON.stringify(this.#state);
    if (state === this.#saved) return;
    await checkpoints.save(this.#state, identity, strategy.variables, optimizer);
    this.#saved = state;
  }

  /** To metrics.jsonl, and to the trackers. */
  async #log(line: MetricsLine): Promise<void> {
    this.#run.metrics.write(line);
    await this.#run.trackers.log(numbersOf(line), this.#state.step);
  }

  #stopped(): boolean {
    return this.#hooks.signal?.aborted === true;
  }

  /** Whether no further step is to be made. */
  #ended(): boolean {
    const { epochs, maxSteps, earlyStoppingPatience = Number.POSITIVE_INFINITY } = this.options;
    const last = Number.isInteger(epochs) ? maxSteps : this.#run.totalSteps; // which is within maxSteps
    return (
      this.#stopped() ||
      this.#state.step >= (last ?? Number.POSITIVE_INFINITY) ||
      this.#state.evaluationsSinceBest >= earlyStoppingPatience
    );
  }
}
