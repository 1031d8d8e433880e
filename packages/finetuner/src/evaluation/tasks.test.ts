/** Tasks on texts that are their own vectors; the statistics themselves are held by statistics.test.ts. */

import { readFileSync } from 'node:fs';

import type { Embedder } from '@uniem/core';
import type { Row } from '@uniem/data';
import { describe, expect, test } from 'vitest';

import { evaluateTask, inferTask, type TaskData, type TaskName } from './tasks.ts';

/** Texts are their own vectors, 'x y', made unit. */
const encoder = {
  encode: async (texts: readonly string[]) =>
    texts.map((text) => {
      const values = text.split(' ').map(Number);
      return Float32Array.from(values, (value) => value / Math.hypot(...values));
    }),
} as unknown as Embedder;

const golden = JSON.parse(
  readFileSync(new URL('../../../../fixtures/evaluators/expected.json', import.meta.url), 'utf8'),
);
const angle = (degrees: number) => `${Math.cos((degrees * Math.PI) / 180)} ${Math.sin((degrees * Math.PI) / 180)}`;
const scored = (angles: number[], labels: number[]) =>
  angles.map((degrees, i) => ({ sentence1: angle(0), sentence2: angle(degrees), label: labels[i] }));

test.each<[TaskName, TaskData, Record<string, number>]>([
  ['sts', { test: scored([10, 20, 30, 50], [5, 4, 2, 3]) }, { spearman: 0.8 }],
  ['pair-classification', { test: scored([10, 20, 30, 50], [1, 1, 0, 0]) }, { ap: 1, accuracy: 1, f1: 1 }],
  ['pair-classification', { test: scored([10, 20, 30, 50], [1, 0, 1, 0]) }, { accuracy: 0.75, f1: 0.8 }],
  [
    'triplet',
    {
      test: [
        { text: angle(0), text_pos: angle(10), text_neg: angle(20) },
        { text: angle(0), text_pos: angle(30), text_neg: angle(20) },
      ],
    },
    { accuracy: 0.5 },
  ],
  [
    'retrieval',
    { test: [0, 90].map((degrees) => ({ text: angle(degrees), text_pos: angle(degrees + 5) })) },
    { 'mrr@10': 1, 'ndcg@10': 1, 'map@100': 1 },
  ],
  [
    'bitext',
    { test: [0, 90, 45].map((degrees, i) => ({ text: angle(degrees), text_pos: angle([2, 91, 88][i] as number) })) },
    { accuracy: 2 / 3, f1: (1 + 2 / 3 + 0) / 3 },
  ],
  [
    'reranking',
    {
      test: [
        { query: angle(0), positive: [angle(10), angle(40)], negative: [angle(20), angle(80)] },
        { query: angle(0), positive: [angle(50)], negative: [angle(20), angle(30)] },
      ],
    },
    { map: ((1 + 2 / 3) / 2 + 1 / 3) / 2, 'mrr@10': (1 + 1 / 3) / 2 },
  ],
  [
    'classification',
    {
      train: [0, 10, 80, 90].map((degrees, i) => ({ text: angle(degrees), label: i < 2 ? 'east' : 'north' })),
      test: [5, 85, 30].map((degrees, i) => ({ text: angle(degrees), label: i === 0 ? 'east' : 'north' })),
    },
    { accuracy: 2 / 3 },
  ],
  [
    'clustering',
    { test: [0, 5, 90, 95, 180, 185].map((degrees, i) => ({ text: angle(degrees), label: Math.floor(i / 2) })) },
    { vMeasure: 1 },
  ],
])('%s of %j', async (task, data, expected) => {
  const metrics = await evaluateTask(task, encoder, data);
  for (const [name, value] of Object.entries(expected)) expect(metrics[name], name).toBeCloseTo(value, 6);
  const named = ['bitext'].includes(task) ? 'retrieval' : task;
  expect(inferTask(data)).toBe(named);
});

test('reranking has the average precision of scikit-learn', async () => {
  const rows = golden.reranking.map(({ relevant, scores }: { relevant: number[]; scores: number[] }) => {
    const texts = (kind: number) =>
      scores.filter((_, i) => relevant[i] === kind).map((score) => angle(80 - 20 * score));
    return { query: angle(0), positive: texts(1), negative: texts(0) };
  });
  const mean = (name: string) =>
    golden.reranking.reduce((sum: number, query: Record<string, number>) => sum + (query[name] as number), 0) / 3;
  expect(await evaluateTask('reranking', encoder, { test: rows })).toEqual({
    map: expect.closeTo(mean('ap'), 9),
    'mrr@10': expect.closeTo(mean('rr'), 9),
  });
});

test('labels are numbers as Python takes them, and classes by their names', async () => {
  const rows = (labels: unknown[]) => scored([10, 80], [1, 0]).map((row, i) => ({ ...row, label: labels[i] }));
  for (const labels of [
    [true, false],
    ['1', '0'],
    [1n, 0n],
  ]) {
    expect(inferTask({ test: rows(labels) })).toBe('pair-classification');
    expect(await evaluateTask('pair-classification', encoder, { test: rows(labels) })).toEqual(
      await evaluateTask('pair-classification', encoder, { test: rows([1, 0]) }),
    );
  }
  const texts = (labels: unknown[]) => labels.map((label, i) => ({ text: i % 2 ? '0 1' : '1 0', label }));
  const train = texts(['true', 'false', 'true', 'false']);
  expect((await evaluateTask('classification', encoder, { test: texts([true, false]), train })).accuracy).toBe(1);
});

describe('records that fit no task', () => {
  const run = (task: TaskName, test: Row[], train?: Row[]) => evaluateTask(task, encoder, { test, train });
  test.each<[string, () => unknown, string]>([
    [
      'of no known fields',
      () => inferTask({ test: [{ a: 'b' }] }),
      'fields a belong to no task\n  fix: rename them to one of text + text_pos;',
    ],
    [
      'without a label',
      () => run('sts', [{ sentence1: '1 0', sentence2: '1 0', label: 'high' }]),
      'label is "high", and sts needs a number\n  fix: give words their numbers with --label-map',
    ],
    [
      'with a text for a list',
      () => run('reranking', [{ query: '1 0', positive: '1 0', negative: ['1 0'] }]),
      'positive is "1 0", and reranking needs a list of texts',
    ],
    [
      'with another label than 0 and 1',
      () => run('pair-classification', scored([10], [0.5])),
      'label is 0.5\n  fix: give labels 0 and 1, or task sts',
    ],
    [
      'without a training set',
      () => run('classification', [{ text: '1 0', label: 1 }]),
      'task: classification needs a training set\n  fix: give a folder with train and test',
    ],
    [
      'for a search, where there is none',
      () => evaluateTask('sts', encoder, { test: scored([10], [1]) }, { quantization: { precision: 'int8' } }),
      'quantization: sts searches nothing\n  fix: leave it out, or measure retrieval',
    ],
    ['of none', () => run('sts', []), 'no records to measure on\n  fix: give at least one'],
  ])('%s', async (_name, act, message) => {
    await expect((async () => act())()).rejects.toThrow(message);
  });
});
