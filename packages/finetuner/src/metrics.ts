/** metrics.jsonl: one object a logged step and one an epoch, on disk as soon as it is known. */

import { appendFileSync, writeFileSync } from 'node:fs';

import { ModelError } from '@uniem/core';

export interface StepMetrics {
  step: number;
  epoch: number;
  /** Mean over the step's batches. */
  loss: number;
  lr: number;
  /** Over the steps since the last line. */
  recordsPerSecond: number;
}

export interface EpochMetrics {
  epoch: number;
  trainLoss: number;
  validationLoss?: number;
}

export class MetricsFile {
  readonly path: string;

  /** Starts the file anew. */
  constructor(path: string) {
    this.path = path;
    this.#put(() => writeFileSync(path, ''));
  }

  /** @throws ModelError where the disk says no. */
  write(metrics: StepMetrics | EpochMetrics): void {
    this.#put(() => appendFileSync(this.path, `${JSON.stringify(metrics)}\n`));
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
