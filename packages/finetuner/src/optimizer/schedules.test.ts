/** Against transformers' get_*_schedule_with_warmup, by hand-checked formulas of optimization.py. */

import { expect, test } from 'vitest';

import { schedule } from './schedules.ts';

const rates = (...args: Parameters<typeof schedule>) => {
  const rate = schedule(...args);
  return [0, 1, 2, 3, 5, 9].map((step) => Number(rate(step).toFixed(6)));
};

test('uniem’s rule: constant, and with warmup a cosine after it', () => {
  expect(rates(1, {}, 10)).toEqual([1, 1, 1, 1, 1, 1]);
  expect(rates(1, { warmupSteps: 2 }, 10)).toEqual([0, 0.5, 1, 0.96194, 0.691342, 0.03806]);
  expect(rates(1, { warmupSteps: 0.2 }, 10)).toEqual(rates(1, { warmupSteps: 2 }, 10));
});

test('by name', () => {
  expect(rates(1, { scheduler: 'constant', warmupSteps: 2 }, undefined)).toEqual([0, 0.5, 1, 1, 1, 1]);
  expect(rates(1, { scheduler: 'linear' }, 10)).toEqual([1, 0.9, 0.8, 0.7, 0.5, 0.1]);
  expect(rates(1, { scheduler: 'linear', warmupSteps: 2 }, 10)).toEqual([0, 0.5, 1, 0.875, 0.625, 0.125]);
});

test('a stream without maxSteps has no end to go down to', () => {
  const fix = 'the number of steps of a stream is not known\n  fix: give maxSteps, or a constant rate';
  expect(() => schedule(1, { warmupSteps: 10 }, undefined)).toThrow(`warmupSteps: ${fix}`);
  expect(() => schedule(1, { scheduler: 'linear' }, undefined)).toThrow(`scheduler: ${fix}`);
});
