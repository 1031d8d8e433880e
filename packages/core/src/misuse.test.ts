/** Every public function of the package in the hands of JavaScript; Embedder's methods are in embedder/misuse.test.ts. */

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import * as tf from '@tensorflow/tfjs-core';
import { HubError } from '@uniem/hub';
import { afterAll, beforeAll, expect, test } from 'vitest';

import * as core from './index.ts';

const tiny = fileURLToPath(new URL('../../../fixtures/tiny-bert/model', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-core-misuse-'));
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(async () => {
  await core.useEngine({ backend: 'cpu' });
});

/** As JavaScript calls it. */
// biome-ignore lint/suspicious/noExplicitAny: what no type allows is what is tested
type Loose = any;
const loose = core as Loose;

const NONE = [null, undefined];
const NOT_TEXT = [...NONE, 5, Number.NaN, {}, [], true, ''];
const NOT_OPTIONS = [null, 5, 'x', [], true, { nothing: 1 }];
const NOT_MAP = [...NONE, 5, 'a', {}, []];
const NOT_POSITIVE = [null, 0, -1, Number.NaN, Number.POSITIVE_INFINITY, '1', {}];
const NOT_INDEX = [...NONE, -1, 0.5, Number.NaN, '1', {}];
const m = (rows = 2, columns = 3) => tf.ones<tf.Rank.R2>([rows, columns]);
const gone = () => {
  const tensor = m();
  tensor.dispose();
  return tensor;
};
const notMatrix = () => [...NONE, 5, 'a', {}, [[1, 2, 3]], tf.ones([2]), tf.ones([1, 2, 3]), gone()];
const tokenizer = () => core.openTokenizer(tiny) as Loose;
const teacher = { scores: [1, 2, 3], owners: [0, 1, 0] };
const update = { lr: 1, beta1: 0.9, beta2: 0.9, eps: 1e-8, weightDecay: 0, t: 1 };
const variable = () => tf.variable(m());

type Call = (value: Loose) => unknown;
const TABLE: [name: string, call: Call, bad: () => readonly unknown[]][] = [
  ['createUniemEmbedder', loose.createUniemEmbedder, () => NOT_TEXT],
  ['createUniemEmbedder options', (options) => loose.createUniemEmbedder(tiny, options), () => NOT_OPTIONS],
  [
    'createUniemEmbedder modelClass',
    (modelClass) => loose.createUniemEmbedder(tiny, { modelClass }),
    () => [null, 5, '', 'X'],
  ],
  ['useEngine', loose.useEngine, () => NOT_OPTIONS],
  ['useEngine backend', (backend) => loose.useEngine({ backend }), () => [null, 5, 'cuda']],
  [
    'useEngine precision',
    (precision) => loose.useEngine({ backend: 'cpu', precision }),
    () => [null, 5, 'fp8', 'bf16'],
  ],
  ['refuseForeignFolder', loose.refuseForeignFolder, () => NOT_TEXT],
  ['writeFileWhole', (path) => loose.writeFileWhole(path, 'x'), () => [...NOT_TEXT, join(folder, 'no', 'such')]],
  ['writeFileWhole content', (content) => loose.writeFileWhole(join(folder, 'x'), content), () => [...NONE, 5, {}, []]],
  ['writeFolderWhole', (path) => loose.writeFolderWhole(path, () => {}), () => NOT_TEXT],
  ['writeFolderWhole fill', (fill) => loose.writeFolderWhole(join(folder, 'x'), fill), () => [...NONE, 5, 'a', {}]],
  ['modelFolder', loose.modelFolder, () => [...NOT_TEXT, 'no/such/model/at/all', 'a'.repeat(1e5)]],
  ['modelFolder hub', (hub) => loose.modelFolder(tiny, hub), () => [null, 5, 'a']],
  ['openSafetensors', loose.openSafetensors, () => [...NOT_TEXT, folder, join(folder, 'no')]],
  ['writeSafetensors', (path) => loose.writeSafetensors(path, new Map()), () => NOT_TEXT],
  [
    'writeSafetensors tensors',
    (tensors) => loose.writeSafetensors(join(folder, 'x'), tensors),
    () => [
      ...NOT_MAP,
      new Map([['a', null]]),
      new Map([['a', { shape: [2], values: new Float32Array(1) }]]),
      new Map([['a', { shape: [1], values: [1] }]]),
    ],
  ],
  ['pairLoss', (text) => loose.pairLoss(text, m()), notMatrix],
  ['pairLoss positive', (positive) => loose.pairLoss(m(), positive), () => [...notMatrix(), m(3, 3), m(2, 4)]],
  ['pairLoss options', (options) => loose.pairLoss(m(), m(), options), () => NOT_OPTIONS],
  ['pairLoss temperature', (temperature) => loose.pairLoss(m(), m(), { temperature }), () => NOT_POSITIVE],
  ['pairLoss type', (type) => loose.pairLoss(m(), m(), { type }), () => [null, 5, 'x']],
  ['tripletLoss', (text) => loose.tripletLoss(text, m(), m()), notMatrix],
  ['tripletLoss negatives', (negatives) => loose.tripletLoss(m(), m(), negatives), () => [...notMatrix(), m(2, 4)]],
  ['tripletLoss options', (options) => loose.tripletLoss(m(), m(), m(), options), () => NOT_OPTIONS],
  ['coSentLoss', (first) => loose.coSentLoss(first, m(), tf.ones([2])), notMatrix],
  ['coSentLoss labels', (labels) => loose.coSentLoss(m(), m(), labels), () => [...NONE, 5, [1, 2], m(), tf.ones([3])]],
  [
    'coSentLoss temperature',
    (temperature) => loose.coSentLoss(m(), m(), tf.ones([2]), temperature),
    () => NOT_POSITIVE,
  ],
  ['distillationLoss', (embeddings) => loose.distillationLoss(embeddings, m()), notMatrix],
  ['distillationLoss vectors', (vectors) => loose.distillationLoss(m(), vectors), () => [...notMatrix(), m(2, 4)]],
  ['distillationLoss type', (type) => loose.distillationLoss(m(), m(), type), () => [null, 5, 'x', 'kl']],
  ['scoreDistillationLoss', (texts) => loose.scoreDistillationLoss(texts, m(3), teacher), notMatrix],
  [
    'scoreDistillationLoss candidates',
    (candidates) => loose.scoreDistillationLoss(m(), candidates, teacher),
    () => [...notMatrix(), m(3, 4), m(1), m(4)],
  ],
  [
    'scoreDistillationLoss teacher',
    (given) => loose.scoreDistillationLoss(m(), m(3), given),
    () => [
      ...NONE,
      5,
      'a',
      [],
      {},
      { ...teacher, scores: [1, 2] },
      { ...teacher, scores: [1, 2, Number.NaN] },
      { ...teacher, owners: '001' },
      { ...teacher, owners: [1, 0, 0] },
      { ...teacher, owners: [0, 1, 2] },
      { ...teacher, owners: [0, 1, -1] },
    ],
  ],
  [
    'scoreDistillationLoss options',
    (options) => loose.scoreDistillationLoss(m(), m(3), teacher, options),
    () => NOT_OPTIONS,
  ],
  [
    'scoreDistillationLoss type',
    (type) => loose.scoreDistillationLoss(m(), m(3), teacher, { type }),
    () => [null, 5, 'mse'],
  ],
  [
    'scoreDistillationLoss temperatures',
    (value) => loose.scoreDistillationLoss(m(), m(3), teacher, { temperature: 1, teacherTemperature: value }),
    () => NOT_POSITIVE,
  ],
  ['labeledLoss', (embeddings) => loose.labeledLoss(embeddings, [0, 0]), notMatrix],
  [
    'labeledLoss classes',
    (classes) => loose.labeledLoss(m(), classes),
    () => [...NONE, 5, '00', [0], ['a', 'a'], [0, Number.NaN]],
  ],
  ['labeledLoss options', (options) => loose.labeledLoss(m(), [0, 0], options), () => NOT_OPTIONS],
  ['labeledLoss type', (type) => loose.labeledLoss(m(), [0, 0], { type }), () => [null, 5, 'softmax']],
  ['labeledLoss margin', (margin) => loose.labeledLoss(m(), [0, 0], { margin }), () => NOT_POSITIVE],
  ['matryoshkaLoss', (embeddings) => loose.matryoshkaLoss(embeddings, [1], undefined, () => tf.scalar(1)), notMatrix],
  [
    'matryoshkaLoss dims',
    (dims) => loose.matryoshkaLoss(m(), dims, undefined, () => tf.scalar(1)),
    () => [...NONE, 5, [], [0], [4], [Number.NaN], ['1']],
  ],
  [
    'matryoshkaLoss weights',
    (weights) => loose.matryoshkaLoss(m(), [1], weights, () => tf.scalar(1)),
    () => [null, 5, [], [0], [1, 1]],
  ],
  ['matryoshkaLoss loss', (loss) => loose.matryoshkaLoss(m(), [1], undefined, loss), () => [...NONE, 5, {}]],
  ['adapterNames', loose.adapterNames, () => NOT_TEXT],
  ['addedRows', loose.addedRows, () => NOT_TEXT],
  ['isByColumns', loose.isByColumns, () => NOT_TEXT],
  ['assignParameters', (parameters) => loose.assignParameters(parameters, new Map(), 'x'), () => NOT_MAP],
  [
    'assignParameters tensors',
    (tensors) => loose.assignParameters(new Map([['a', variable()]]), tensors, 'x'),
    () => [...NOT_MAP, new Map()],
  ],
  ['downloadParameters', loose.downloadParameters, () => NOT_MAP],
  [
    'adamW',
    (parameter) => loose.adamW(parameter, m(), { m: variable(), v: variable() }, update),
    () => [...NONE, 5, [1]],
  ],
  [
    'adamW gradient',
    (gradient) => loose.adamW(variable(), gradient, { m: variable(), v: variable() }, update),
    () => [...NONE, 5, m(3, 3)],
  ],
  [
    'adamW moments',
    (moments) => loose.adamW(variable(), m(), moments, update),
    () => [...NONE, 5, {}, { m: variable() }],
  ],
  [
    'adamW update',
    (given) => loose.adamW(variable(), m(), { m: variable(), v: variable() }, given),
    () => [...NOT_OPTIONS, undefined, { ...update, lr: Number.NaN }, { ...update, t: 0 }],
  ],
  ['clipGradNorm', (tensors) => loose.clipGradNorm(tensors, 1), () => [...NONE, 5, m(), [null], [5]]],
  [
    'clipGradNorm maxNorm',
    (maxNorm) => loose.clipGradNorm([m()], maxNorm),
    () => [...NOT_POSITIVE.filter((value) => value !== 0), undefined],
  ],
  ['dropoutState', (seed) => loose.dropoutState(seed, 0), () => NOT_INDEX],
  ['dropoutState step', (step) => loose.dropoutState(0, step), () => NOT_INDEX],
  ['cosineMatrix', (a) => loose.cosineMatrix(a, m()), () => [...notMatrix(), m(2, 4)]],
  ['cosineRows', (b) => loose.cosineRows(m(), b), () => [...notMatrix(), m(3, 3)]],
  ['normalize', loose.normalize, notMatrix],
  ['ProgressBar', (label) => new loose.ProgressBar(label, 1), () => NOT_TEXT],
  ['ProgressBar total', (total) => new loose.ProgressBar('x', total), () => [null, -1, 0.5, Number.NaN, '1']],
  ['ProgressBar show', (show) => new loose.ProgressBar('x', 1, show), () => [null, 5, 'yes']],
  ['lengthsOf', loose.lengthsOf, () => [...NONE, 5, {}, { offsets: [0, 1] }]],
  ['packTokens', loose.packTokens, () => [...NONE, 5, 'a', [null], ['a'], [[0.5]], [[-1]], [[Number.NaN]]]],
  ['openTokenizer', loose.openTokenizer, () => [...NOT_TEXT, folder]],
  ['openTokenizer options', (options) => loose.openTokenizer(tiny, options), () => NOT_OPTIONS],
  ['Tokenizer.encode', (text) => tokenizer().encode(text, 8), () => [...NONE, 5, {}, []]],
  [
    'Tokenizer.encode maxLength',
    (maxLength) => tokenizer().encode('a', maxLength),
    () => [...NONE, 0, -1, 2.5, Number.NaN, '8'],
  ],
  ['Tokenizer.encodeBatch', (texts) => tokenizer().encodeBatch(texts, 8), () => [...NONE, 5, 'a', [null], [5]]],
  ['Tokenizer.promptLength', (prompt) => tokenizer().promptLength(prompt), () => [...NONE, 5, {}]],
  [
    'Tokenizer.withSpecialTokens',
    (tokens) => tokenizer().withSpecialTokens(tokens),
    () => [...NONE, 5, 'a', [null], ['']],
  ],
  ['quantizationRanges', loose.quantizationRanges, () => [...NONE, 5, 'a', [null], [[1, 2]], []]],
  ['quantizeEmbeddings', (list) => loose.quantizeEmbeddings(list, 'int8'), () => [...NONE, 5, 'a', [null], [[1, 2]]]],
  ['quantizeEmbeddings precision', (one) => loose.quantizeEmbeddings([], one), () => [...NONE, 5, {}, 'float64']],
  ['quantizeEmbeddings ranges', (one) => loose.quantizeEmbeddings([], 'int8', one), () => [null, 5, 'a']],
];

const shown = (value: unknown) => (value instanceof tf.Tensor ? `tensor [${value.shape}]` : String(value)).slice(0, 40);

test.each(TABLE)('%s', async (_, call, bad) => {
  const wrong: string[] = [];
  for (const value of bad()) {
    const error: unknown = await (async () => call(value))().then(
      (result) => `gave ${shown(result)}`,
      (thrown: unknown) => thrown,
    );
    const isOurs = error instanceof core.UniemError || error instanceof HubError;
    if (isOurs && /\n {2}fix: ./.test(error.message) && !/internal:/.test(error.message)) continue;
    wrong.push(`${shown(value)}: ${error instanceof Error ? `${error.name}: ${error.message.slice(0, 200)}` : error}`);
  }
  expect(wrong).toEqual([]);
  expect(readdirSync(folder)).toEqual([]);
});

/** Asked in tests of their own, or without arguments. */
const ELSEWHERE = ['Embedder', 'TextModel', 'ensureEngine', 'registerWasmBackend', 'importOptional'];

test('the table knows every public function', () => {
  const asked = new Set(TABLE.map(([name]) => name.split(/[ .]/)[0]));
  const functions = Object.entries(core).filter(
    ([name, value]) => typeof value === 'function' && !name.endsWith('Error'),
  );
  expect(functions.map(([name]) => name).filter((name) => !ELSEWHERE.includes(name) && !asked.has(name))).toEqual([]);
});
