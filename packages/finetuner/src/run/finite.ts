/** A run goes on only with numbers: what is NaN or infinite ends it before a checkpoint or a model holds it. */

import { type HostTensor, OptionError } from '@uniem/core';
import { sourceOf } from '@uniem/data';

import type { RecordBatch } from '../batches/records.ts';
import type { Step } from '../gradients/trainer.ts';

/** A run that left the numbers: the model gets its weights from before. */
export class NotFinite extends OptionError {
  override name = 'OptionError'; // what a caller can do is the same
}

const KEPT = 'the weights in memory are those from before the run';

/** @throws NotFinite naming the step and its records. */
export function requireFiniteStep({ step, loss, gradNorm, group }: Step<RecordBatch>): void {
  const what = !Number.isFinite(loss) ? 'loss' : 'gradient norm';
  const value = !Number.isFinite(loss) ? loss : (gradNorm ?? 0);
  if (Number.isFinite(value)) return;
  const records = group.flatMap((batch) => batch.records);
  const shown = records.slice(0, 3).map((record) => sourceOf(record) ?? JSON.stringify(record));
  throw new NotFinite(
    `the ${what} is ${value} at step ${step}, a step of ${records.length} records (${shown.join(', ')}, …); no model is saved, checkpoints stay, ${KEPT}`,
    'run',
    'look at these records, lower lr, or raise temperature',
  );
}

/** @throws NotFinite naming the first tensor that holds something else than numbers. */
export function requireFiniteWeights(tensors: ReadonlyMap<string, HostTensor>, step: number): void {
  for (const [name, { values }] of tensors) {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += (values[i] as number) * 0; // NaN once one is no number
    if (sum === 0) continue;
    throw new NotFinite(
      `${name} holds NaN or infinity after step ${step}, though the losses were numbers; no model is saved, earlier checkpoints stay, ${KEPT}`,
      'run',
      'look at the records of the last steps, lower lr, or set maxGradNorm',
    );
  }
}
