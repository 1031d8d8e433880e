/** An Embedder in the hands of JavaScript, where no type stops a wrong value, and after dispose(). */

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { useEngine } from '../engine/engine.ts';
import { ModelError, OptionError } from '../errors.ts';
import { Embedder } from './embedder.ts';
import { TextModel } from './text-model.ts';

const tiny = fileURLToPath(new URL('../../../../fixtures/tiny-bert/model', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-misuse-'));
let embedder: Embedder;
beforeAll(async () => {
  await useEngine({ backend: 'native' });
  embedder = await Embedder.fromPretrained(tiny);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** As JavaScript calls it. */
// biome-ignore lint/suspicious/noExplicitAny: what no type allows is what is tested
const loose = (value: unknown) => value as any;

describe('texts that are none', () => {
  const message = (where: string, received: string) =>
    `${where}: must be a string (received ${received})\n  fix: give a string`;

  test.each<[unknown, string]>([
    [[null], message('texts[0]', 'null')],
    [['a', undefined], message('texts[1]', 'undefined')],
    [['a', 'b', 5], message('texts[2]', '5')],
    [[{ a: 1 }], message('texts[0]', 'an object {a}')],
    [[['a']], message('texts[0]', 'an array of 1')],
    [[new Date(0)], message('texts[0]', 'a Date')],
    [new Array(2), message('texts[0]', 'undefined')],
    [[Number.NaN], message('texts[0]', 'NaN')],
    [null, 'texts: must be an array (received null)\n  fix: give an array'],
    [undefined, 'texts: must be an array (received undefined)'],
    [{ length: 1, 0: 'a' }, 'texts: must be an array (received an object {0, length})'],
    [new Set(['a']), 'texts: must be an array (received a Set)'],
  ])('%j is refused by encode, encodeQuery and encodeDocument', async (texts, expected) => {
    for (const method of ['encode', 'encodeQuery', 'encodeDocument'] as const) {
      const failed = expect(loose(embedder)[method](texts)).rejects;
      await failed.toThrow(expected);
      await expect(loose(embedder)[method](texts)).rejects.toBeInstanceOf(OptionError);
    }
  });
});

test('one text gives its vector, as in sentence-transformers, and no texts give none', async () => {
  for (const method of ['encode', 'encodeQuery', 'encodeDocument'] as const) {
    const [expected] = await embedder[method](['the cat sat']);
    expect(await embedder[method]('the cat sat')).toEqual(expected);
    expect(await embedder[method]('')).toHaveLength(embedder.dimension);
    expect(await embedder[method]([])).toEqual([]);
  }
});

describe('options that make no sense', () => {
  const isCount = 'must be a whole number above 0 (received';
  test.each<[unknown, string]>([
    [null, 'options: must be an object (received null)'],
    [5, 'options: must be an object (received 5)'],
    [[], 'options: must be an object (received an array of 0)'],
    [{ batchsize: 3 }, 'batchsize: there is no such option\n  fix: use batchSize, normalize,'],
    [{ batchSize: 0 }, `batchSize: ${isCount} 0)`],
    [{ batchSize: Number.NaN }, `batchSize: ${isCount} NaN)`],
    [{ batchSize: Number.POSITIVE_INFINITY }, `batchSize: ${isCount} Infinity)`],
    [{ batchSize: '8' }, `batchSize: ${isCount} "8")`],
    [{ maxLength: -1 }, `maxLength: ${isCount} -1)`],
    [{ maxLength: Number.NaN }, `maxLength: ${isCount} NaN)`],
    [{ truncateDim: 1.5 }, `truncateDim: ${isCount} 1.5)`],
    [{ normalize: 'no' }, 'normalize: must be true or false (received "no")'],
    [{ normalize: null }, 'normalize: must be true or false (received null)'],
    [{ progressBar: 1 }, 'progressBar: must be true or false or one of auto (received 1)'],
    [{ prompt: 5 }, 'prompt: must be a string (received 5)'],
    [{ promptName: {} }, 'promptName: must be a string (received an object {})'],
  ])('%j is refused', async (options, message) => {
    for (const method of ['encode', 'encodeQuery', 'encodeDocument'] as const) {
      await expect(loose(embedder)[method](['a'], options)).rejects.toThrow(message);
    }
  });

  test('values that are only large are taken', async () => {
    const [expected] = await embedder.encode(['a']);
    const huge = { batchSize: 1e15, maxLength: 1e15, truncateDim: Number.MAX_SAFE_INTEGER };
    expect(await embedder.encode('a', huge)).toEqual(expected);
    expect(await embedder.encode('a '.repeat(1e5), huge)).toHaveLength(embedder.dimension);
  });
});

describe('opening and setting', () => {
  test.each<[string, () => unknown, string]>([
    [
      'no model',
      () => loose(Embedder).fromPretrained(),
      'model: must be a string that is not empty (received undefined)',
    ],
    ['an empty model', () => Embedder.fromPretrained(''), 'model: must be a string that is not empty (received "")'],
    ['options of null', () => loose(Embedder).fromPretrained(tiny, null), 'options: must be an object (received null)'],
    [
      'an unknown option',
      () => loose(Embedder).fromPretrained(tiny, { pooling: 'cls' }),
      'pooling: there is no such option',
    ],
    [
      'a pooling of 5',
      () => loose(Embedder).fromPretrained(tiny, { poolingStrategy: 5 }),
      'poolingStrategy: must be a pool',
    ],
    ['maxLength 0', () => Embedder.fromPretrained(tiny, { maxLength: 0 }), 'maxLength: must be a whole number above 0'],
    [
      'maxLength NaN',
      () => (loose(embedder).maxLength = Number.NaN),
      'maxLength: must be a whole number above 0 (received NaN)',
    ],
    ['dropout 2', () => embedder.setDropout(2), 'dropout: must be a probability from 0 to 1 (received 2)'],
    ['tokens of null', () => loose(embedder).addSpecialTokens(null), 'tokens: must be an array (received null)'],
    ['a token of nothing', () => embedder.addSpecialTokens(['']), 'tokens[0]: must be a string that is not empty'],
    ['save nowhere', () => loose(embedder).save(), 'folder: must be a string that is not empty (received undefined)'],
    [
      'save numbers',
      () => loose(embedder).save(join(folder, 'x'), { a: 5 }),
      "texts['a']: must be a string (received 5)",
    ],
  ])('%s is refused', async (_, call, message) => {
    await expect((async () => call())()).rejects.toThrow(message);
    expect(readdirSync(folder)).toEqual([]);
  });
});

test('every public member of a disposed model says that it was disposed of', async () => {
  const gone = await Embedder.fromPretrained(tiny);
  gone.dispose();
  gone.dispose(); // once more is no error
  const message = `${tiny}: the model was disposed of: dispose() freed its parameters\n  fix: open it again`;
  const given: Record<string, unknown[]> = {
    encode: [['a']],
    encodeQuery: ['a'],
    encodeDocument: ['a'],
    embed: [{ inputIds: Int32Array.of(2, 3), offsets: Int32Array.of(0, 2) }],
    addSpecialTokens: [['[x]']],
    setDropout: [0],
    save: [join(folder, 'gone')],
    saveSurroundings: [folder],
    write: [folder, { encoderWeights: true, modules: true }],
    tokenize: [['a']],
    promptOf: [{}],
    encodeTokens: [{ inputIds: Int32Array.of(2, 3), offsets: Int32Array.of(0, 2) }],
    outputs: [{ inputIds: Int32Array.of(2, 3), offsets: Int32Array.of(0, 2) }],
    inPrecision: ['fp32'],
  };
  const members = [Embedder, TextModel].flatMap(({ prototype }) =>
    Object.entries(Object.getOwnPropertyDescriptors(prototype)),
  );
  const UNASKED = ['constructor', 'dispose', 'model', 'compute']; // compute runs what it is given, and asks no model
  const asked = members.filter(([name]) => !UNASKED.includes(name));
  expect(asked.length).toBeGreaterThan(20);
  for (const [name, { get }] of asked) {
    const ask = async () => (get ? loose(gone)[name] : loose(gone)[name](...(given[name] ?? [])));
    const error = await ask().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error, name).toBeInstanceOf(ModelError);
    expect((error as Error).message, name).toContain(message);
  }
  expect(readdirSync(folder)).toEqual([]);
});
