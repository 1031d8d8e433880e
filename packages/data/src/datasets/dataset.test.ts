import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { rememberSource, sourceOf } from '../records/provenance.ts';
import { Dataset } from './dataset.ts';

/** Made by fixtures/data/generate.py with Python's `datasets`. */
const golden = JSON.parse(
  readFileSync(new URL('../../../../fixtures/data/permutations.json', import.meta.url), 'utf8'),
);

const numbers = (n: number) => Dataset.fromRows(Array.from({ length: n }, (_, i) => ({ i })));
const values = (dataset: Dataset) => [...dataset].map(({ i }) => i);

describe('Dataset', () => {
  test.each<{ seed: number; size: number; order: number[] }>(golden.shuffles)(
    'shuffles $size rows as datasets does from seed $seed',
    ({ seed, size, order }) => {
      expect(values(numbers(size).shuffle({ seed }))).toEqual(order);
    },
  );

  test.each<{ size: number; testSize: number; seed: number; train: number[]; test: number[] }>(golden.splits)(
    'splits $testSize of $size rows as datasets does from seed $seed',
    ({ size, testSize, seed, ...expected }) => {
      const { train, test } = numbers(size).trainTestSplit({ testSize, seed });
      expect({ train: values(train), test: values(test) }).toEqual(expected);
    },
  );

  test.each([0, 10, 2.5, -1, Number.NaN])('refuses a split of %d of 10 rows', (testSize) => {
    expect(() => numbers(10).trainTestSplit({ testSize, seed: 0 })).toThrow(
      `trainTestSplit: testSize ${testSize} does not split 10 rows\n  fix: give a fraction`,
    );
  });

  test('iterates the same rows with and without await', async () => {
    const awaited = [];
    for await (const row of numbers(3)) awaited.push(row);
    expect(awaited).toEqual([...numbers(3)]);
  });

  test('row, select, map and filter pick the rows they name', () => {
    expect(numbers(3).row(1)).toEqual({ i: 1 });
    expect(numbers(3).row(-1)).toEqual({ i: 2 });
    expect(values(numbers(5).select([4, 0, 4]))).toEqual([4, 0, 4]);
    expect(values(numbers(3).map(({ i }) => ({ i: Number(i) * 2 })))).toEqual([0, 2, 4]);
    expect(values(numbers(5).filter(({ i }) => Number(i) % 2 === 1))).toEqual([1, 3]);
  });

  test('a row that is not there names its index and how many there are', () => {
    expect(() => numbers(3).row(3)).toThrow('row: no row 3\n  fix: the dataset has 3 rows, counted from 0');
    expect(() => numbers(3).select([7])).toThrow('select: no row 7\n  fix: the dataset has 3 rows, counted from 0');
  });

  test('renamed columns keep their order, values and source', () => {
    const row = { query: 'a', answer: 'b', id: 7 };
    rememberSource(row, 'train.jsonl:1');
    const renamed = Dataset.fromRows([row]).renameColumns({ query: 'text', answer: 'text_pos' }).row(0);
    expect(JSON.stringify(renamed)).toBe('{"text":"a","text_pos":"b","id":7}');
    expect(sourceOf(renamed)).toBe('train.jsonl:1');
  });

  test('two columns can trade names', () => {
    const swapped = Dataset.fromRows([{ a: 1, b: 2 }]).renameColumns({ a: 'b', b: 'a' });
    expect(swapped.row(0)).toEqual({ b: 1, a: 2 });
  });

  test('a rename that names no column, or a taken one, is an error', () => {
    const dataset = Dataset.fromRows([{ a: 1, b: 2 }]);
    expect(() => dataset.renameColumn('query', 'text')).toThrow(
      "renameColumns: no column 'query'\n  fix: name one of {a, b}",
    );
    expect(() => dataset.renameColumn('a', 'b')).toThrow(
      'two columns of one name: {b, b}\n  fix: give names that are not taken',
    );
  });
});
