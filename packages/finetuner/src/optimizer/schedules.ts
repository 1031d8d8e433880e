/** Learning rate by step. */

import { OptionError } from '@uniem/core';

import { INDEX, OBJECT, oneOf, requireKind } from '@uniem/core/arguments';

import { AT_LEAST_0 } from '../arguments.ts';
import { SCHEDULERS, type SchedulerName } from '../names.ts';

/** Learning rate of update number `step`, counted from 0. */
export type Schedule = (step: number) => number;

export interface ScheduleOptions {
  /** Left out, uniem's rule: cosine with warmup, else constant. */
  scheduler?: SchedulerName | undefined;
  /** Steps; below 1 a fraction of all, rounded down. */
  warmupSteps?: number | undefined;
}

/**
 * Linear from 0 over the warmup, then constant, linear to 0, or half a cosine to 0 at the last step.
 * Agrees with transformers' get_{constant,linear,cosine}_schedule_with_warmup.
 *
 * @param totalSteps Undefined for a stream of unknown length.
 * @throws OptionError for a rate that needs the number of steps where it is not known.
 */
export function schedule(lr: number, options: ScheduleOptions, totalSteps: number | undefined): Schedule {
  requireKind(lr, AT_LEAST_0, 'lr');
  requireKind(options, OBJECT, 'schedule');
  requireKind(options.scheduler, oneOf(undefined, ...SCHEDULERS), 'scheduler');
  requireKind(options.warmupSteps ?? 0, AT_LEAST_0, 'warmupSteps');
  if (totalSteps !== undefined) requireKind(totalSteps, INDEX, 'totalSteps');
  const { warmupSteps = 0, scheduler = options.warmupSteps === undefined ? 'constant' : 'cosine' } = options;
  if (totalSteps === undefined && (scheduler !== 'constant' || (warmupSteps > 0 && warmupSteps < 1))) {
    throw new OptionError(
      'the number of steps of a stream is not known',
      options.scheduler === undefined ? 'warmupSteps' : 'scheduler',
      'give maxSteps, or a constant rate with whole warmupSteps',
    );
  }
  const total = totalSteps ?? 0;
  const warmup = Math.floor(warmupSteps < 1 ? warmupSteps * total : warmupSteps);
  return (step) => {
    if (step < warmup) return (lr * step) / Math.max(1, warmup);
    const progress = (step - warmup) / Math.max(1, total - warmup);
    if (scheduler === 'constant') return lr;
    return lr * Math.max(0, scheduler === 'linear' ? 1 - progress : 0.5 * (1 + Math.cos(Math.PI * progress)));
  };
}
