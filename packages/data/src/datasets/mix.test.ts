/** Several datasets as one, and what stands before their texts. */

import { describe, expect, test } from 'vitest';

import { Dataset } from './dataset.ts';
import type { IterableDataset } from './iterable-dataset.ts';
import { mixDatasets } from './mix.ts';
import { prefixColumns } from './prefix.ts';

const numbered = (name: string, count: number) =>
  Dataset.fromRows(Array.from({ length: count }, (_, i) => ({ text: `${name}${i}` })));
const [a, b] = [numbered('a', 3), numbered('b', 300)];

async function textsOf(rows: Dataset | IterableDataset): Promise<string[]> {
  const texts: string[] = [];
  for await (const row of rows) texts.push(row.text as string);
  return texts;
}

describe('mixDatasets', () => {
  test('without weights gives every row once, with the name of its dataset', async () => {
    const mixed = mixDatasets({ a, b }, { seed: 1 });
    expect(mixed).toHaveLength(303);
    expect([mixed.row(0), mixed.row(-1)]).toEqual([
      { text: 'a0', dataset: 'a' },
      { text: 'b299', dataset: 'b' },
    ]);
    const streamed = mixDatasets({ a: a.toIterableDataset(), b: b.toIterableDataset() }, { seed: 1 });
    const texts = await textsOf(streamed);
    expect(texts.slice(0, 8)).toEqual(['a0', 'b0', 'a1', 'b1', 'a2', 'b2', 'b3', 'b4']);
    expect([...texts].sort()).toEqual((await textsOf(mixed)).sort());
  });

  test.each([
    ['rows at hand', { a, b }],
    ['streams', { a: a.toIterableDataset(), b: b.toIterableDataset() }],
  ])('holds the weights of %s to the end, the same for a seed', async (_, datasets) => {
    const options = { weights: { a: 1, b: 3 }, seed: 7 };
    const texts = await textsOf(mixDatasets(datasets, options));
    expect(new Set(texts).size).toBe(303);
    const share = texts.filter((text) => text.startsWith('a')).length / texts.length;
    expect(Math.abs(share - 0.25)).toBeLessThan(0.05);
    expect(await textsOf(mixDatasets(datasets, options))).toEqual(texts);
    expect(await textsOf(mixDatasets(datasets, { ...options, seed: 8 }))).not.toEqual(texts);
  });

  test('a stream goes on where it was', async () => {
    const datasets = { a: a.toIterableDataset(), b: b.toIterableDataset() };
    const mixed = mixDatasets(datasets, { weights: { a: 2, b: 1 }, seed: 3 });
    const pass = mixed[Symbol.asyncIterator]();
    const begun = (await pass.take(100)).map(({ text }) => text);
    expect([...begun, ...(await textsOf(mixed.resume(pass.state())))]).toEqual(await textsOf(mixed));
  });

  test.each([{ a: 1 }, { a: 0, b: 1 }, { a: 1, b: Number.NaN }, { a: 1, b: 1, c: 1 }])('refuses %j', (weights) => {
    expect(() => mixDatasets({ a, b }, { weights: weights as Record<string, number>, seed: 1 })).toThrow(
      `mixDatasets: weights are ${JSON.stringify(weights)} for the datasets a, b\n  fix: give each one above 0`,
    );
  });

  test('refuses streams among rows', () => {
    expect(() => mixDatasets({ a, b: b.toIterableDataset() }, { seed: 1 })).toThrow(
      'concatenateDatasets: 1 streams among 2 datasets\n  fix: make all of them streams',
    );
  });

  test('leaves a column dataset as it is', () => {
    const own = Dataset.fromRows([{ text: 'x', dataset: 'own' }]);
    expect(mixDatasets({ a, own }, { seed: 1 }).row(-1)).toEqual({ text: 'x', dataset: 'own' });
  });
});

describe('prefixColumns', () => {
  const row = { text: 'a', text_pos: 'b', text_neg: ['c', 'd'] };

  test('puts a prefix before the texts of a column, of lists too', async () => {
    const prefixes = { text: 'query: ', text_neg: 'passage: ' };
    const expected = { text: 'query: a', text_pos: 'b', text_neg: ['passage: c', 'passage: d'] };
    expect(prefixColumns(Dataset.fromRows([row]), prefixes).row(0)).toEqual(expected);
    for await (const found of prefixColumns(Dataset.fromRows([row]).toIterableDataset(), prefixes)) {
      expect(found).toEqual(expected);
    }
  });

  test('makes no text of what is none', () => {
    const bad = Dataset.fromRows([{ text: null }, { text: ' ' }]);
    expect([...prefixColumns(bad, { text: 'query: ' })]).toEqual([{ text: null }, { text: ' ' }]);
  });

  test('names the columns there are', () => {
    expect(() => prefixColumns(Dataset.fromRows([row]), { query: 'q' })).toThrow(
      "no column 'query'\n  fix: name one of {text, text_pos, text_neg}",
    );
  });
});
