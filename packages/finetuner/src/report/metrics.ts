/** metrics.jsonl: one object a logged step and one an epoch, on disk as soon as it is known. */

import { appendFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';

import { ModelError } from '@uniem/core';

import type { Metrics } from '../evaluation/tasks.ts';
import type { TaskName } from '../names.ts';

export interface StepMetrics {
  step: number;
  epoch: number;
  /** Mean over the step's batches. */
  loss: number;
  lr: number;
  /** Before clipping; only with maxGradNorm. */
  gradNorm?: number;
  /** Over the steps since the last line. */
  recordsPerSecond: number;
}

/** Of an evaluation within an epoch. */
export interface EvaluationMetrics {
  step: number;
  epoch: number;
  validationLoss: number;
}

export interface EpochMetrics {
  epoch: number;
  trainLoss: number;
  validationLoss?: number;
}

/** Of the validation set's task: step 0 is before training. */
export interface TaskMetrics {
  step: number;
  task: TaskName;
  records: number;
  metrics: Metrics;
}

export type MetricsLine = StepMetrics | EvaluationMetrics | EpochMetrics | TaskMetrics;

/** The lines of a metrics.jsonl. */
export function readMetrics(path: string): MetricsLine[] {
  const lines = readFileSync(path, 'utf8').trim().split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as MetricsLine);
}

export class MetricsFile {
  readonly path: string;
  /** Length of the file. */
  bytes: number;

  /** @param bytes What is kept of an earlier run's file: a run that goes on cuts it where its checkpoint was. */
  constructor(path: string, bytes = 0) {
    this.path = path;
    if (bytes > 0 && !existsSync(path)) {
      throw new ModelError('is gone, though a checkpoint goes on from it', path, 'put it back, or leave resume out');
    }
    this.#put(() => (bytes === 0 ? writeFileSync(path, '') : truncateSync(path, bytes)));
    this.bytes = bytes;
  }

  /** @throws ModelError where the disk says no. */
  write(metrics: MetricsLine): void {
    const line = `${JSON.stringify(metrics)}\n`;
    this.#put(() => appendFileSync(this.path, line));
    this.bytes += Buffer.byteLength(line);
  }

  #put(write: () => void): void {
    try {
      write();
    } catch (cause) {
      const what = `could not be written (${(cause as Error).message})`;
      throw new ModelError(what, this.path, 'free disk space or choose another outputDir', { cause });
    }
  }
}

/** A line as names and numbers; those of a task stand under its name. */
export function numbersOf(line: MetricsLine): Metrics {
  if ('task' in line) {
    return Object.fromEntries(Object.entries(line.metrics).map(([name, value]) => [`${line.task}/${name}`, value]));
  }
  const { step: _, ...numbers } = line as Exclude<MetricsLine, TaskMetrics> & { step?: number };
  return numbers;
}
