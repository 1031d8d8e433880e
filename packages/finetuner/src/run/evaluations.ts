/** What a run learns of its validation set: the loss, which weights were best, and the task before and after. */

import type { Metrics } from '../evaluation/tasks.ts';
import { meanLoss } from '../evaluation/validation-loss.ts';
import { measureTask, type ValidationTask, validationTask } from '../evaluation/validation-task.ts';
import { readMetrics, type TaskMetrics } from '../report/metrics.ts';
import type { PreparedRun } from './run-setup.ts';

export class Evaluations {
  readonly #run: PreparedRun;
  readonly #stopped: () => boolean;

  /** @param stopped Whether the signal ends the run: an evaluation under way is cut off. */
  constructor(run: PreparedRun, stopped: () => boolean) {
    this.#run = run;
    this.#stopped = stopped;
  }

  /** The validation loss; undefined without a validation set, and where the run is stopped before its end. */
  async loss(): Promise<number | undefined> {
    const { data, source } = this.#run;
    const loss = data.validation && (await meanLoss(data.validation, source, this.#stopped));
    if (loss !== undefined) await this.#rank(loss);
    return loss;
  }

  async #rank(validationLoss: number): Promise<void> {
    const { state, checkpoints, source, strategy } = this.#run;
    state.evaluationsSinceBest += 1;
    const isBest = Number.isFinite(validationLoss) && validationLoss < (state.best?.validationLoss ?? Infinity);
    if (!isBest) return;
    state.best = { validationLoss, step: state.step };
    state.evaluationsSinceBest = 0;
    if (source.options.keepBest) await checkpoints.saveBest(strategy.variables);
  }

  /** What the validation set is a task for; undefined where there is none. */
  async task(): Promise<ValidationTask | undefined> {
    const { data, source } = this.#run;
    const { recordType, options } = source;
    return data.validation && validationTask(data.validation, recordType, options.evalRecords, data.train);
  }

  /** Undefined where the run is stopped before its end. */
  measure(task: ValidationTask): Promise<Metrics | undefined> {
    return measureTask(task, this.#run.source, this.#stopped);
  }

  /** What the model was worth before the first step, as metrics.jsonl says of a run that goes on. */
  before(task: ValidationTask): Metrics | undefined {
    const lines = readMetrics(this.#run.metrics.path);
    const found = lines.find((line): line is TaskMetrics => 'task' in line && line.step === 0);
    return found?.task === task.task && found.records === task.records ? found.metrics : undefined;
  }
}
