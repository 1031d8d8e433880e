/** Against fixtures/retrieval/generate.py: sentence-transformers' InformationRetrievalEvaluator. */

import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { rankOf, retrievalMetrics } from './retrieval.ts';

const golden = JSON.parse(
  readFileSync(new URL('../../../../fixtures/retrieval/expected.json', import.meta.url), 'utf8'),
) as { queries: number[][]; documents: number[][]; metrics: Record<string, number> };

function unit(row: number[]): Float32Array {
  const length = Math.hypot(...row);
  return Float32Array.from(row, (value) => value / length);
}

test("has the metrics of sentence-transformers' evaluator", () => {
  const documents = golden.documents.map(unit);
  const ranks = golden.queries.map((query, i) => rankOf(unit(query), documents, i));
  expect(new Set(ranks).size).toBeGreaterThan(10); // answers at many ranks, some past 10
  const metrics = retrievalMetrics(ranks) as unknown as Record<string, number>;
  expect(Object.keys(metrics).sort()).toEqual(Object.keys(golden.metrics).sort());
  for (const [name, value] of Object.entries(golden.metrics)) expect(metrics[name], name).toBeCloseTo(value, 9);
});

describe('rankOf', () => {
  const [x, y] = [Float32Array.of(1, 0), Float32Array.of(0, 1)];

  test('counts the documents that score higher', () => {
    expect(rankOf(x, [y, x, y], 1)).toBe(1);
    expect(rankOf(y, [y, x, y], 1)).toBe(3);
  });

  test('of equal documents the first comes first', () => {
    expect([0, 1, 2].map((answer) => rankOf(x, [x, x, x], answer))).toEqual([1, 2, 3]);
  });
});

test('a rank past 10 counts for nothing', () => {
  expect(retrievalMetrics([11])).toEqual({ 'mrr@10': 0, 'recall@1': 0, 'recall@10': 0, 'ndcg@10': 0 });
  expect(retrievalMetrics([2])).toEqual({ 'mrr@10': 0.5, 'recall@1': 0, 'recall@10': 1, 'ndcg@10': 1 / Math.log2(3) });
});
