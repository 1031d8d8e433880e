/** The trackers by name. */

import { join } from 'node:path';

import type { TrackerName } from '../names.ts';
import { MLflow } from './mlflow.ts';
import { TensorBoard } from './tensorboard.ts';
import type { Tracker } from './tracker.ts';
import { WeightsAndBiases } from './wandb.ts';

const MAKERS: Record<TrackerName, (outputDir: string) => Tracker> = {
  tensorboard: (outputDir) => new TensorBoard(join(outputDir, 'tensorboard')),
  mlflow: (outputDir) => new MLflow(join(outputDir, 'mlflow.json')),
  wandb: (outputDir) => new WeightsAndBiases(join(outputDir, 'wandb')),
};

/** @throws OptionError for one that lacks its settings. */
export function makeTrackers(names: readonly TrackerName[], outputDir: string): Record<string, Tracker> {
  return Object.fromEntries(names.map((name) => [name, MAKERS[name](outputDir)]));
}
