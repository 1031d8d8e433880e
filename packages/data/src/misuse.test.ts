/** Every public function of the package in the hands of JavaScript: whatever it is given, it says what is wrong with it. */

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { HubError } from '@uniem/hub';
import { afterAll, expect, test } from 'vitest';

import * as data from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'uniem-data-misuse-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** As JavaScript calls it. */
// biome-ignore lint/suspicious/noExplicitAny: what no type allows is what is tested
type Loose = any;
const loose = data as Loose;

const csv = join(mkdtempSync(join(tmpdir(), 'uniem-data-misuse-csv-')), 'a.csv');
writeFileSync(csv, 'text,text_pos\na,b\n');
afterAll(() => rmSync(dirname(csv), { recursive: true }));

const rows = () =>
  loose.Dataset.fromRows([
    { text: 'a', text_pos: 'b' },
    { text: 'c', text_pos: 'd' },
  ]);
const stream = () => rows().toIterableDataset();
const all = async (iterable: AsyncIterable<unknown>) => {
  const found: unknown[] = [];
  for await (const one of iterable) found.push(one);
  return found;
};

const NONE = [null, undefined];
const NOT_TEXT = [...NONE, 5, Number.NaN, {}, [], true, ''];
const NOT_OPTIONS = [null, 5, 'x', [], true, { nothing: 1 }];
const NOT_ROWS = [...NONE, 5, 'rows', {}, true];
const NOT_LIST = [...NONE, 5, 'a', {}, [null], [5]];
const NOT_NAMES = [...NONE, 5, 'a', [], { text: 5 }, { text: '' }, { text: null }];
const NOT_FUNCTION = [...NONE, 5, 'f', {}];
const NOT_INDEX = [...NONE, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '1', {}];
const NOT_COUNT = [...NOT_INDEX, 0];
const NOT_SEED = [...NOT_INDEX, 2 ** 60];

/** A call, and what it may not be given. */
const TABLE: [name: string, call: (value: Loose) => unknown, bad: readonly unknown[]][] = [
  ['batches source', (source) => all(loose.batches(source, { batchSize: 2 })), NOT_ROWS],
  ['batches options', (options) => all(loose.batches([], options)), [...NOT_OPTIONS, undefined, {}]],
  ['batches batchSize', (batchSize) => all(loose.batches([1], { batchSize })), NOT_COUNT],
  ['batches textsOf', (textsOf) => all(loose.batches([1], { batchSize: 1, textsOf })), [null, 5, {}]],
  ['roundRobin', (sources) => all(loose.roundRobin(sources)), NOT_LIST],
  ['adaptRecords rows', (given) => loose.adaptRecords(given, 'bge'), [...NOT_ROWS, []]],
  ['adaptRecords adapter', (adapter) => loose.adaptRecords(rows(), adapter), [...NOT_TEXT, 'toString']],
  ['concatenateDatasets', loose.concatenateDatasets, [...NOT_LIST, []]],
  ['interleaveDatasets', loose.interleaveDatasets, [...NOT_LIST, []]],
  ['interleaveDatasets options', (options) => loose.interleaveDatasets([rows()], options), NOT_OPTIONS],
  [
    'interleaveDatasets probabilities',
    (probabilities) => loose.interleaveDatasets([rows()], { probabilities, seed: 1 }),
    [null, 5, [], ['1'], [Number.NaN], [2]],
  ],
  ['interleaveDatasets seed', (seed) => loose.interleaveDatasets([rows()], { probabilities: [1], seed }), NOT_SEED],
  [
    'interleaveDatasets stoppingStrategy',
    (stoppingStrategy) => loose.interleaveDatasets([rows()], { stoppingStrategy }),
    [null, 5, 'never'],
  ],
  ['mixDatasets', (sets) => loose.mixDatasets(sets, { seed: 1 }), [...NONE, 5, [], 'a', {}, { a: null }, { a: [] }]],
  ['mixDatasets options', (options) => loose.mixDatasets({ a: rows() }, options), [...NOT_OPTIONS, undefined]],
  [
    'mixDatasets weights',
    (weights) => loose.mixDatasets({ a: rows() }, { weights, seed: 1 }),
    [null, 5, {}, { a: 0 }, { a: Number.NaN }, { a: '1' }, { b: 1 }],
  ],
  ['prefixColumns rows', (given) => loose.prefixColumns(given, {}), [...NOT_ROWS, []]],
  [
    'prefixColumns prefixes',
    (prefixes) => loose.prefixColumns(rows(), prefixes),
    [...NONE, 5, 'a', [], { text: 5 }, { nothing: 'a' }],
  ],
  ['validRecords rows', (given) => loose.validRecords(given, 'pair'), NOT_ROWS],
  ['validRecords type', (type) => loose.validRecords(rows(), type), NOT_TEXT],
  ['inspectRows', loose.inspectRows, NOT_ROWS],
  ['inspectRows row', (row) => loose.inspectRows([row]), [...NONE, 5, 'a']],
  ['inferRecordType', loose.inferRecordType, [...NONE, 5, 'a', [], {}]],
  ['negativesOf', loose.negativesOf, [...NONE, 5, 'a', []]],
  [
    'validateRecord',
    (record) => loose.validateRecord(record, 'pair'),
    [...NONE, 5, 'a', [], {}, { text: 1, text_pos: 'b' }],
  ],
  ['validateRecord type', (type) => loose.validateRecord({ text: 'a', text_pos: 'b' }, type), NOT_TEXT],
  ['loadDataset', loose.loadDataset, [...NOT_TEXT, 'no/such/file.jsonl', 'a'.repeat(1e5)]],
  ['loadDataset options', (options) => loose.loadDataset(folder, options), NOT_OPTIONS],
  ...['name', 'split', 'streaming', 'revision', 'columns', 'token', 'withoutTrain', 'onBadRecord', 'hub'].map(
    (name): [string, (value: Loose) => unknown, readonly unknown[]] => [
      `loadDataset ${name}`,
      (value) => loose.loadDataset(folder, { [name]: value }),
      [5, Number.NaN, null],
    ],
  ),
  ...Object.entries({
    columnNames: [null, 5, 'a', [5], {}],
    delimiter: NOT_TEXT.slice(1),
    encoding: [null, 5, {}, 'klingon'],
    field: [null, 5, {}],
    labelMap: [null, 5, 'a=1', [], { a: '1' }, { a: Number.NaN }],
    labelColumn: [null, 5, ''],
    onFile: [null, 5, 'f', {}],
  }).flatMap(([name, bad]): [string, (value: Loose) => unknown, readonly unknown[]][] => [
    [
      `loadDataset ${name}`,
      (value) => loose.loadDataset(csv, { [name]: value }),
      bad.filter((value) => value !== undefined),
    ],
    [
      `IterableDataset.fromFiles ${name}`,
      (value) => all(loose.IterableDataset.fromFiles([csv], { [name]: value })),
      bad.filter((value) => value !== undefined),
    ],
  ]),
  ['requireUsed', (files) => loose.requireUsed(files, { field: 'a' }, 'here'), [...NOT_LIST, [], ['a.csv']]],
  [
    'requireUsed options',
    (options) => loose.requireUsed(['a.csv'], options, 'here'),
    [...NONE, 5, 'a', [], { field: 'a' }],
  ],
  ['unusedColumns', (columns) => loose.unusedColumns(columns, 'pair'), NOT_LIST],
  ['unusedColumns type', (type) => loose.unusedColumns(['text'], type), [...NOT_TEXT, 'toString']],
  ['headerHint', loose.headerHint, NOT_LIST],
  ['hubNameOf', loose.hubNameOf, NOT_TEXT],
  ['partsOf', loose.partsOf, NOT_TEXT],
  ['readJsonl', (path) => all(loose.readJsonl(path)), [...NOT_TEXT, 'no/such/file.jsonl', folder]],
  ['Pcg64', (seed) => new loose.Pcg64(seed), [...NOT_SEED, -1n]],
  ['Pcg64.permutation', (size) => new loose.Pcg64(1).permutation(size), [...NOT_INDEX, 1e15]],
  ['Pcg64.integers', (high) => new loose.Pcg64(1).integers(0, high), NOT_COUNT],
  [
    'Pcg64.choice',
    (weights) => new loose.Pcg64(1).choice(weights),
    [...NONE, 5, 'a', {}, [], [null], ['1'], [0], [Number.NaN], [-1, 2]],
  ],
  ['Pcg64.shuffled', (items) => new loose.Pcg64(1).shuffled(items), [...NONE, 5, {}]],
  ['Pcg64.fromState', loose.Pcg64.fromState.bind(loose.Pcg64), [...NONE, 5, {}, { state: 'x', increment: 'y' }]],
  ['Dataset.fromRows', loose.Dataset.fromRows, [...NOT_ROWS, [null], [5], ['a'], [[1]]]],
  ['Dataset.row', (index) => rows().row(index), [...NONE, 0.5, Number.NaN, '1', 2, -3, {}]],
  ['Dataset.slice', (start) => rows().slice(start, 2), NOT_INDEX],
  ['Dataset.slice end', (end) => rows().slice(0, end), NOT_INDEX],
  ['Dataset.column', (name) => rows().column(name), [...NOT_TEXT, 'nothing']],
  ['Dataset.select', (indices) => rows().select(indices), [...NONE, 5, {}, [5], [-1], ['0'], [null]]],
  [
    'Dataset.trainTestSplit',
    (options) => rows().trainTestSplit(options),
    [
      ...NOT_OPTIONS,
      undefined,
      { testSize: Number.NaN, seed: 1 },
      { testSize: 0, seed: 1 },
      { testSize: '1', seed: 1 },
      { testSize: 1 },
    ],
  ],
  [
    'Dataset.toIterableDataset',
    (options) => rows().toIterableDataset(options),
    [...NOT_OPTIONS, { numShards: 0 }, { numShards: 1e15 }],
  ],
  ['IterableDataset.fromFiles', loose.IterableDataset.fromFiles, [...NONE, 5, 'a', {}, [5], [null], ['']]],
  [
    'IterableDataset.fromFiles options',
    (options) => loose.IterableDataset.fromFiles([], options),
    [...NOT_OPTIONS, { columns: 5 }, { columns: [5] }, { onBadRecord: 'x' }],
  ],
  ['IterableDataset.fromGenerator', loose.IterableDataset.fromGenerator, NOT_FUNCTION],
  [
    'IterableDataset.fromGenerator rows',
    (made) => all(loose.IterableDataset.fromGenerator(() => made)),
    [...NONE, 5, {}, [null], [5]],
  ],
  ['IterableDataset.resume', (state) => stream().resume(state), [...NONE, 5, 'a', [], {}]],
  ['IterableDataset.setEpoch', (epoch) => stream().setEpoch(epoch), NOT_INDEX],
  ['IterableDataset.repeat', (times) => stream().repeat(times), NOT_INDEX],
  [
    'IterableDataset.splitByNode',
    (options) => stream().splitByNode(options),
    [...NOT_OPTIONS, undefined, {}, { rank: 1, worldSize: 1 }, { rank: 0, worldSize: 0 }],
  ],
  ['IterableDataset.map row', (made) => all(stream().map(() => made)), [...NONE, 5, 'a', []]],
  ...(
    [
      ['Dataset', rows],
      ['IterableDataset', stream],
    ] as const
  ).flatMap(([name, make]): [string, (value: Loose) => unknown, readonly unknown[]][] => [
    [`${name}.take`, (count) => make().take(count), NOT_INDEX],
    [`${name}.skip`, (count) => make().skip(count), NOT_INDEX],
    [`${name}.map`, (transform) => make().map(transform), NOT_FUNCTION],
    [`${name}.map removeColumns`, (removeColumns) => make().map(() => ({}), { removeColumns }), [null, 5, 'a', [5]]],
    [`${name}.filter`, (keep) => make().filter(keep), NOT_FUNCTION],
    [`${name}.renameColumn`, (to) => make().renameColumn('text', to), NOT_TEXT],
    [`${name}.renameColumns`, (names) => make().renameColumns(names), NOT_NAMES],
    [`${name}.selectColumns`, (columns) => make().selectColumns(columns), NOT_LIST],
    [`${name}.removeColumns`, (columns) => make().removeColumns(columns), NOT_LIST],
    [`${name}.shuffle`, (options) => make().shuffle(options), [...NOT_OPTIONS, undefined, {}]],
    [`${name}.shuffle seed`, (seed) => make().shuffle({ seed }), NOT_SEED],
    [
      `${name}.shard`,
      (options) => make().shard(options),
      [
        ...NOT_OPTIONS,
        undefined,
        {},
        { count: 1, index: 1 },
        { count: 0, index: 0 },
        { count: 1, index: 0, contiguous: 5 },
      ],
    ],
    [`${name}.toJsonl`, (path) => make().toJsonl(path), [...NOT_TEXT, join(folder, 'no', 'such', 'folder.jsonl')]],
    [
      `${name}.toParquet`,
      (path) => make().toParquet(path),
      [...NOT_TEXT, join(folder, 'no', 'such', 'folder.parquet')],
    ],
  ]),
];

const shown = (value: unknown) =>
  value === undefined
    ? 'undefined'
    : (
        JSON.stringify(value, (_, one) => (typeof one === 'bigint' || Number.isNaN(one) ? String(one) : one)) ?? ''
      ).slice(0, 40);

test.each(TABLE)('%s', async (_, call, bad) => {
  const wrong: string[] = [];
  for (const value of bad) {
    const error: unknown = await (async () => call(value))().then(
      (result) => `gave ${shown(result)}`,
      (thrown: unknown) => thrown,
    );
    const isOurs = error instanceof data.DataError || error instanceof HubError;
    if (isOurs && /\n {2}fix: ./.test(error.message) && !/internal:/.test(error.message)) continue;
    wrong.push(`${shown(value)}: ${error instanceof Error ? `${error.name}: ${error.message.slice(0, 200)}` : error}`);
  }
  expect(wrong).toEqual([]);
  expect(readdirSync(folder)).toEqual([]);
});

test('the table knows every public function and method', () => {
  const asked = TABLE.map(([name]) => name.split(' ')[0]);
  const functions = Object.entries(data).filter(([, value]) => typeof value === 'function');
  const plain = functions
    .map(([name]) => name)
    .filter((name) => !['Dataset', 'IterableDataset', 'DataError', 'UnusedOptionError'].includes(name));
  const given = ['sourceOf', 'classOf', 'numericLabel']; // whatever they are given has one or has none
  expect(plain.filter((name) => !asked.includes(name) && !given.includes(name))).toEqual([]);
  const members = (of: object) =>
    Object.entries(Object.getOwnPropertyDescriptors(of))
      .filter(([, { value }]) => typeof value === 'function')
      .map(([name]) => name);
  const takesNothing = ['constructor', 'state', 'fromTable', 'fromNode'];
  for (const name of ['Dataset', 'IterableDataset'] as const) {
    const methods = members(loose[name].prototype).filter((method) => !takesNothing.includes(method));
    expect(methods.filter((method) => !asked.includes(`${name}.${method}`))).toEqual([]);
  }
  for (const value of [null, undefined, 5, 'a', [], {}]) expect(loose.sourceOf(value)).toBeUndefined();
  for (const value of [null, undefined, Number.NaN, '', [], {}]) {
    expect([loose.classOf(value), loose.numericLabel(value)]).toEqual([undefined, undefined]);
  }
});
