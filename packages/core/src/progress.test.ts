import { describe, expect, test } from 'vitest';

import { progressLine } from './progress.ts';

const moment = { label: 'train', done: 10, total: 40, seconds: 30, note: 'loss 1.2345  82 records/s' };

describe('progressLine', () => {
  test('shows how far, how long still, loss and records a second', () => {
    expect(progressLine(moment, 200)).toBe('train ████░░░░░░░░░░░░ 10/40 1:30 left loss 1.2345  82 records/s');
  });

  test('knows no time before the first step', () => {
    expect(progressLine({ ...moment, done: 0, note: '' }, 200)).toBe('train ░░░░░░░░░░░░░░░░ 0/40 -:-- left');
  });

  test('is full at the end', () => {
    expect(progressLine({ ...moment, done: 40, note: '' }, 200)).toBe('train ████████████████ 40/40 0:00 left');
  });

  test('counts hours', () => {
    expect(progressLine({ ...moment, done: 1, total: 241, note: '' }, 200)).toMatch(/ 1\/241 2:00:00 left$/);
  });

  test('of a stream shows what is done and the time gone', () => {
    expect(progressLine({ ...moment, total: undefined }, 200)).toBe('train 10 0:30 gone loss 1.2345  82 records/s');
  });

  test('is never wider than the terminal', () => {
    expect(progressLine(moment, 20)).toBe('train ████░░░░░░░░░░');
  });
});
