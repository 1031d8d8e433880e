/** What report.html draws: the curves of a run over common steps, few enough for a small page. */

import type { MetricsLine, StepMetrics } from './metrics.ts';

/** Most steps of a page: with four curves they take some 150 kB. */
const MOST_STEPS = 2000;

/** Values by step; null where a step has none. */
export interface Curve {
  values: (number | null)[];
  /** Of the validation set. */
  dots?: (number | null)[];
}

export interface Curves {
  /** Ascending. */
  steps: number[];
  curves: { loss?: Curve; lr?: Curve; recordsPerSecond?: Curve; gradNorm?: Curve };
}

/**
 * @param metrics The lines of metrics.jsonl.
 * @param losses Of the first steps, one each; where they are all of the run they stand in for the lines, which skip steps.
 * @param epochSteps The step after which each epoch ended.
 */
export function runCurves(
  metrics: readonly MetricsLine[],
  losses: readonly number[],
  epochSteps: readonly number[],
): Curves {
  const logged = new Map<number, StepMetrics>();
  const validation = new Map<number, number>();
  let last = epochSteps.at(-1) ?? 0;
  for (const line of metrics) {
    if ('loss' in line) logged.set(line.step, line);
    if ('step' in line) last = Math.max(last, line.step);
    if (!('validationLoss' in line) || line.validationLoss === undefined) continue;
    const step = 'step' in line ? line.step : epochSteps[line.epoch - 1];
    if (step !== undefined) validation.set(step, line.validationLoss);
  }
  const everyStep = losses.length >= last ? losses : [];
  const all = new Set([...everyStep.keys()].map((i) => i + 1));
  for (const step of logged.keys()) all.add(step);
  const steps = thinned(
    [...all].sort((a, b) => a - b),
    validation,
  );
  const of = (value: (step: number) => number | undefined) => steps.map((step) => rounded(value(step)));
  const curve = (key: 'lr' | 'recordsPerSecond' | 'gradNorm'): Partial<Record<typeof key, Curve>> => {
    const values = of((step) => logged.get(step)?.[key]);
    return values.some((value) => value !== null) ? { [key]: { values } } : {};
  };
  const loss = of((step) => everyStep[step - 1] ?? logged.get(step)?.loss);
  return {
    steps,
    curves: {
      ...(steps.length > 0 ? { loss: { values: loss, dots: of((step) => validation.get(step)) } } : {}),
      ...curve('lr'),
      ...curve('recordsPerSecond'),
      ...curve('gradNorm'),
    },
  };
}

/** Evenly fewer steps; those with a validation stay. */
function thinned(steps: readonly number[], validation: ReadonlyMap<number, number>): number[] {
  const every = Math.ceil(steps.length / MOST_STEPS);
  const kept = steps.filter((_, i) => i % every === 0 || i === steps.length - 1);
  return [...new Set([...kept, ...validation.keys()])].sort((a, b) => a - b);
}

/** Six digits are more than a screen shows. */
const rounded = (value: number | undefined) =>
  value === undefined || !Number.isFinite(value) ? null : Number(value.toPrecision(6));
