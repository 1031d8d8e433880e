import { describe, expect, test } from 'vitest';
import { rememberSource, sourceOf } from '../records/provenance.ts';
import type { Row } from '../records/records.ts';
import { Dataset } from './dataset.ts';

/** Values that columns of one kind keep, and those that no Arrow type gives back as they were. */
const COLUMNS: Record<string, unknown[]> = {
  texts: ['a', '', '汉字😀é', null, 'x'.repeat(300)],
  'lone surrogates': ['a\ud800', 'b', null, '\udc00', 'c'],
  'whole numbers': [0, -5, 2 ** 31 - 1, -(2 ** 31), null],
  numbers: [0.1, -0, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53],
  'large whole numbers': [2 ** 31, 1, 2, 3, 4],
  booleans: [true, false, null, true, true],
  bigints: [1n, 2n ** 60n, null, -3n, 4n],
  lists: [['a', 'b'], [], null, ['c', null], ['']],
  'lists of lists': [[['i', 't']], [[]], [], null, [['x', 'y'], null, ['z']]],
  'lists of several kinds': [['a', 1], [], [null], ['b'], [true]],
  objects: [{ a: 1, b: 'x' }, { a: 2, b: 'y' }, null, { a: 3, b: null }, { a: 4, b: 'z' }],
  'objects with other keys': [{ a: 1 }, { b: 2 }, {}, null, { a: null }],
  'several kinds': ['a', 1, true, null, [1]],
  nothing: [null, null, null, null, null],
  dates: [new Date(0), new Date(1), null, new Date(2), new Date(3)],
  bytes: [new Uint8Array([1]), new Uint8Array(0), null, new Uint8Array([2, 3]), new Uint8Array([4])],
};
const rows: Row[] = Array.from({ length: 5 }, (_, i) =>
  Object.fromEntries(Object.entries(COLUMNS).map(([name, values]) => [name, values[i]])),
);

test('a Dataset keeps lists of any depth', () => {
  const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
  const dataset = Dataset.fromRows([{ text: 'a', deep }]);
  let depth = 0;
  for (let value = dataset.row(0).deep as unknown[]; value.length > 0; value = value[0] as unknown[]) depth += 1;
  expect(depth).toBe(99_999);
});

describe('a Dataset keeps its rows as columns', () => {
  test.each(Object.keys(COLUMNS))('and gives back %s', (name) => {
    const values = COLUMNS[name] as unknown[];
    const dataset = Dataset.fromRows(values.map((value) => ({ value })));
    for (const [i, value] of values.entries()) expect(dataset.row(i).value, `row ${i}`).toStrictEqual(value);
  });

  test('whole rows, over many batches, in any order', () => {
    const many = Array.from({ length: 10_000 }, (_, i) => ({ ...rows[i % 5], id: i }));
    const dataset = Dataset.fromRows(many);
    expect(dataset.length).toBe(10_000);
    expect(dataset.row(9_999)).toStrictEqual(many[9_999]);
    expect([...dataset.select([4096, 0, 4095, 8192])]).toStrictEqual([4096, 0, 4095, 8192].map((i) => many[i]));
    expect(dataset.columnNames).toEqual([...Object.keys(COLUMNS), 'id']);
  });

  test('a column that a row lacks is not there, which null is', () => {
    const given = [{ a: 1 }, { a: null, b: 2 }, { b: 3 }];
    const dataset = Dataset.fromRows(given);
    expect([...dataset]).toStrictEqual(given);
    expect(dataset.column('b')).toEqual([null, 2, 3]);
  });

  test('where rows were read stays with them', () => {
    const given = [{ a: 1 }, { a: 2 }, { a: 3 }];
    given.slice(0, 2).forEach((row, i) => {
      rememberSource(row, 'x.jsonl:', i + 1);
    });
    expect([...Dataset.fromRows(given)].map(sourceOf)).toEqual(['x.jsonl:1', 'x.jsonl:2', undefined]);
    expect(sourceOf(Dataset.fromRows(given.slice(0, 2)).row(1))).toBe('x.jsonl:2');
  });

  test('in memory close to the texts’ own bytes', () => {
    const count = 100_000;
    const texts = (i: number) => ({
      text: `a sentence of some forty bytes, number ${i}`,
      text_pos: `its twin ${i}`,
      label: i,
    });
    const bytes = Array.from({ length: count }, (_, i) => JSON.stringify(texts(i)).length + 1).reduce((a, b) => a + b);
    function* all() {
      for (let i = 0; i < count; i++) yield texts(i);
    }
    globalThis.gc?.();
    const before = process.memoryUsage();
    const dataset = Dataset.fromRows(all());
    globalThis.gc?.();
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(bytes);
    expect(dataset.length).toBe(count);
  });
});
