import { expect, test } from 'vitest';

import { runCurves } from './curves.ts';
import type { MetricsLine } from './metrics.ts';

const line = (step: number, loss: number): MetricsLine => ({ step, epoch: 1, loss, lr: 1e-3, recordsPerSecond: 5 });

test('losses of every step stand in for logged ones; other values stay at their steps', () => {
  const metrics = [line(2, 0.5), { epoch: 1, trainLoss: 0.6, validationLoss: 0.7 }];
  const { steps, curves } = runCurves(metrics, [0.9, 0.5, 0.4], [3]);
  expect(steps).toEqual([1, 2, 3]);
  expect(curves.loss).toEqual({ values: [0.9, 0.5, 0.4], dots: [null, null, 0.7] });
  expect(curves.lr).toEqual({ values: [null, 1e-3, null] });
  expect(curves.gradNorm).toBeUndefined();
});

test('a run longer than its kept losses is drawn from its lines', () => {
  const metrics = [line(10, 0.5), { step: 15, epoch: 1, validationLoss: 0.7 }, line(20, 0.3)];
  const { steps, curves } = runCurves(metrics, [0.9, 0.8], []);
  expect(steps).toEqual([10, 15, 20]);
  expect(curves.loss).toEqual({ values: [0.5, null, 0.3], dots: [null, 0.7, null] });
});

test('many steps are thinned, and validations stay', () => {
  const metrics: MetricsLine[] = Array.from({ length: 9000 }, (_, i) => line(i + 1, 1));
  const { steps, curves } = runCurves([...metrics, { step: 8998, epoch: 1, validationLoss: 0.5 }], [], []);
  expect(steps.length).toBeLessThanOrEqual(2002);
  expect(steps.at(-1)).toBe(9000);
  expect(curves.loss?.dots?.[steps.indexOf(8998)]).toBe(0.5);
});

test('a value that is no number is a gap', () => {
  expect(runCurves([line(1, Number.NaN)], [], []).curves.loss?.values).toEqual([null]);
});
