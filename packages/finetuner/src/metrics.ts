/** metrics.jsonl: one object a logged step and one an epoch, on disk as soon as it is known. */

import { appendFileSync, writeFileSync } from 'node:fs';

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
    writeFileSync(path, '');
  }

  write(metrics: StepMetrics | EpochMetrics): void {
    appendFileSync(this.path, `${JSON.stringify(metrics)}\n`);
  }
}
