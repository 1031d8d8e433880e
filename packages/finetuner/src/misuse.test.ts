/** Every public function of the package in the hands of JavaScript: whatever it is given, it says what is wrong with it. */

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { UniemError } from '@uniem/core';
import { DataError } from '@uniem/data';
import { afterAll, beforeAll, expect, test } from 'vitest';

import * as finetuner from './index.ts';

const tiny = fileURLToPath(new URL('../../../fixtures/tiny-bert/model', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-finetuner-misuse-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** As JavaScript calls it. */
// biome-ignore lint/suspicious/noExplicitAny: what no type allows is what is tested
type Loose = any;
const loose = finetuner as Loose;

const pairs = ['cat', 'dog', 'mat', 'end'].map((word) => ({ text: `the ${word}`, text_pos: `${word} sat` }));
const open = (dataset: Loose = pairs, options: Loose = {}) =>
  loose.FineTuner.fromPretrained(tiny, { dataset, backend: 'native', ...options });
let tuner: Loose;
beforeAll(async () => {
  tuner = await open();
});

const NONE = [null, undefined];
const NOT_TEXT = [...NONE, 5, Number.NaN, {}, [], true, ''];
const NOT_OPTIONS = [null, 5, 'x', [], true, { nothing: 1 }];
const NOT_NUMBER = [null, Number.NaN, Number.POSITIVE_INFINITY, '1', {}];
const NOT_COUNT = [null, 0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '1', {}];
const sts = { test: [{ sentence1: 'a', sentence2: 'b', label: 0.5 }] };
const setting = { policy: 'suggested', strategy: 'full', values: 1, trainable: 1, isEmbedder: false };
const training = {
  groups: { async *[Symbol.asyncIterator]() {} },
  ...{ gradients: () => {}, passesAStep: 1, variables: new Map(), optimizer: {}, schedule: () => 1, startStep: 0 },
};
const all = async (iterable: AsyncIterable<unknown>) => {
  for await (const _ of iterable);
};
const run = (options: Loose, hooks?: Loose) => tuner.run(options, ...(hooks === undefined ? [] : [hooks]));

type Call = (value: Loose) => unknown;
const RUN_OPTIONS = Object.entries({
  outputDir: [null, 5, {}],
  epochs: [0, -1, ...NOT_NUMBER],
  lr: [-1, ...NOT_NUMBER],
  weightDecay: [-1, ...NOT_NUMBER],
  temperature: [0, -1, ...NOT_NUMBER],
  dropout: [-1, 2, ...NOT_NUMBER],
  strategy: [null, 5, 'all'],
  shuffle: [null, 5, 'yes'],
  seed: [null, -1, 0.5, Number.NaN, '1'],
  precision: [null, 5, 'fp8'],
  loraTargets: [null, 5, 'query', [5]],
  matryoshkaDims: [null, 5, [0], ['1'], [1e6]],
  logWith: [null, 5, 'mlflow', ['nobody']],
  ...Object.fromEntries(
    [
      'maxSteps',
      'batchSize',
      'gradientAccumulationSteps',
      'loraRank',
      'maxLength',
      'evalSteps',
      'saveSteps',
      'logInterval',
    ].map((name) => [name, NOT_COUNT]),
  ),
}).map(([name, bad]): [string, Call, readonly unknown[]] => [
  `FineTuner.run ${name}`,
  (value) => run({ outputDir: join(folder, 'run'), [name]: value }),
  bad,
]);

const TABLE: [name: string, call: Call, bad: readonly unknown[]][] = [
  [
    'evaluateRetrieval',
    (embedder) => loose.evaluateRetrieval(embedder, { queries: ['a'], documents: ['b'] }),
    [...NONE, 5, {}, { encodeQuery: 5 }],
  ],
  [
    'evaluateRetrieval task',
    (task) => loose.evaluateRetrieval(tuner.embedder, task),
    [
      ...NONE,
      5,
      'a',
      [],
      {},
      { queries: [5], documents: ['a'] },
      { queries: ['a'], documents: [null] },
      { queries: [], documents: [] },
      { queries: ['a'], documents: ['b'], relevant: [5] },
      { queries: ['a'], documents: ['b'], relevant: ['0'] },
      { queries: ['a'], documents: ['b'], relevant: [Number.NaN] },
      { queries: ['a'], documents: ['b'], unfound: [5] },
      { queries: ['a'], documents: ['b'], unfound: [['1']] },
      { queries: ['a'], documents: ['b'], unfound: [[0]] },
    ],
  ],
  [
    'evaluateTask',
    (task) => loose.evaluateTask(task, tuner.embedder, sts),
    [...NOT_TEXT, 'nothing', 'toString', 'retrieval'],
  ],
  ['evaluateTask embedder', (embedder) => loose.evaluateTask('sts', embedder, sts), [...NONE, 5, {}]],
  [
    'evaluateTask data',
    (data) => loose.evaluateTask('sts', tuner.embedder, data),
    [
      ...NONE,
      5,
      [],
      {},
      { test: [] },
      { test: [null] },
      { test: [5] },
      { test: [{ sentence1: 'a', sentence2: 'b', label: Number.NaN }] },
    ],
  ],
  ['inferTask', loose.inferTask, [...NONE, 5, [], {}, { test: [null] }, { test: [{ a: 1 }] }]],
  ['mainMetric', loose.mainMetric, [...NOT_TEXT, 'nothing']],
  [
    'train',
    (given) => all(loose.train(given)),
    [
      ...NONE,
      5,
      'a',
      {},
      { ...training, gradients: null },
      { ...training, passesAStep: 0 },
      { ...training, variables: {} },
    ],
  ],
  ['minedTriplets', (embedder) => loose.minedTriplets(embedder, pairs).next(), [...NONE, 5, {}]],
  ['mineHardNegatives', (embedder) => loose.mineHardNegatives(embedder, pairs), [...NONE, 5, {}]],
  [
    'mineHardNegatives pairs',
    (given) => loose.mineHardNegatives(tuner.embedder, given),
    [...NONE, 5, {}, [], [null], [5], [{ text: 5, text_pos: 'a' }], [{ text: 'a' }]],
  ],
  [
    'mineHardNegatives options',
    (options) => loose.mineHardNegatives(tuner.embedder, pairs, options),
    [
      ...NOT_OPTIONS,
      { numNegatives: 0 },
      { numNegatives: Number.NaN },
      { rangeMin: -1 },
      { margin: Number.NaN },
      { sampling: 'x' },
      { seed: -1 },
    ],
  ],
  [
    'AdamW',
    (options) => new loose.AdamW(options),
    [...NOT_OPTIONS, { beta1: 1 }, { beta2: -1 }, { eps: Number.NaN }, { weightDecay: -1 }, { lrFactor: 5 }],
  ],
  ['AdamW.step', (variables) => new loose.AdamW().step(variables, new Map(), 1), [...NONE, 5, {}]],
  [
    'AdamW.step gradients',
    (gradients) => new loose.AdamW().step(new Map(), gradients, 1),
    [...NONE, 5, {}, new Map([['a', 5]])],
  ],
  ['AdamW.step lr', (lr) => new loose.AdamW().step(new Map(), new Map(), lr), [undefined, -1, ...NOT_NUMBER]],
  [
    'suggestLr',
    loose.suggestLr,
    [
      ...NOT_OPTIONS,
      undefined,
      {},
      { ...setting, policy: 'x' },
      { ...setting, strategy: 'x' },
      { ...setting, values: Number.NaN },
      { ...setting, trainable: -1 },
      { ...setting, isEmbedder: 1 },
    ],
  ],
  ['schedule', (lr) => loose.schedule(lr, {}, 1), [undefined, -1, ...NOT_NUMBER]],
  [
    'schedule options',
    (options) => loose.schedule(1, options, 1),
    [...NONE, 5, 'a', [], { scheduler: 'x' }, { scheduler: null }, { warmupSteps: -1 }, { warmupSteps: Number.NaN }],
  ],
  ['schedule totalSteps', (totalSteps) => loose.schedule(1, {}, totalSteps), [null, -1, 0.5, Number.NaN, '1']],
  ['curveSvg', (title) => loose.curveSvg(title, [{ step: 1, value: 1 }]), [...NONE, 5, {}]],
  ['curveSvg points', (points) => loose.curveSvg('a', points), [...NONE, 5, 'a', {}, [], [null], [{ step: 1 }]]],
  ['detectModelType', (path) => loose.detectModelType(path, 'x'), NOT_TEXT],
  ['detectModelType name', (name) => loose.detectModelType(tiny, name), NOT_TEXT],
  ['FineTuner.fromPretrained', (model) => loose.FineTuner.fromPretrained(model, { dataset: pairs }), NOT_TEXT],
  [
    'FineTuner.fromPretrained options',
    (options) => loose.FineTuner.fromPretrained(tiny, options),
    [...NOT_OPTIONS, undefined, {}],
  ],
  [
    'FineTuner.fromPretrained dataset',
    (dataset) => open(dataset ?? null),
    [
      null,
      5,
      'a',
      {},
      [],
      [null],
      [5],
      ['a'],
      [{}],
      { train: null },
      { train: 5 },
      { train: pairs, validation: 5 },
      { train: pairs, validation: [null] },
      [{ text: 5, text_pos: 'a' }],
    ],
  ],
  ...['modelType', 'recordType', 'onBadRecord', 'poolingStrategy', 'datasets', 'baseModel'].map(
    (name): [string, Call, readonly unknown[]] => [
      `FineTuner.fromPretrained ${name}`,
      (value) => open(pairs, { [name]: value }),
      [null, 5, 'nothing'],
    ],
  ),
  ['FineTuner.run', run, [null, 5, 'x', [], true, { nothing: 1 }]],
  [
    'FineTuner.run hooks',
    (hooks) => run({ outputDir: join(folder, 'run') }, hooks),
    [null, 5, [], { onstep: () => {} }, { onStep: 5 }, { signal: true }],
  ],
  ...RUN_OPTIONS,
];

test.each(TABLE)('%s', async (_, call, bad) => {
  const wrong: string[] = [];
  for (const value of bad) {
    const error: unknown = await (async () => call(value))().then(
      (result) => `gave ${String(result)}`,
      (thrown: unknown) => thrown,
    );
    const isOurs = error instanceof UniemError || error instanceof DataError;
    if (isOurs && /\n {2}fix: ./.test(error.message) && !/internal:/.test(error.message)) continue;
    wrong.push(
      `${JSON.stringify(value)}: ${error instanceof Error ? `${error.name}: ${error.message.slice(0, 200)}` : error}`,
    );
  }
  expect(wrong).toEqual([]);
  expect(readdirSync(folder)).toEqual([]);
});

test('the table knows every public function', () => {
  const asked = new Set(TABLE.map(([name]) => name.split(/[ .]/)[0]));
  const functions = Object.entries(finetuner).filter(([, value]) => typeof value === 'function');
  expect(functions.map(([name]) => name).filter((name) => !asked.has(name))).toEqual([]);
});
