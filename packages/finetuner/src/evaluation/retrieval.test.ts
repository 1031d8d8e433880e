import { readFileSync } from 'node:fs';

import type { Embedder } from '@uniem/core';
import { expect, test } from 'vitest';

import { evaluateRetrieval, type RetrievalMetrics, ranksOf, retrievalMetrics } from './retrieval.ts';

/** Texts are their own vectors: 'x y'. */
const encode = async (texts: readonly string[]) => texts.map((text) => Float32Array.from(text.split(' ').map(Number)));
const encoder = {
  encodeQuery: encode,
  encodeDocument: encode,
} as unknown as Embedder;

interface Golden {
  queries: number[][];
  documents: number[][];
  metrics: Record<string, number>;
  graded: { relevant: [index: number, gain: number][][]; metrics: Record<string, number> };
  sampled: { unfound: number[][]; metrics: Record<string, number> };
}

const path = new URL('../../../../fixtures/retrieval/expected.json', import.meta.url);
const golden = JSON.parse(readFileSync(path, 'utf8')) as Golden;
const unit = (row: number[]) => row.map((value) => value / Math.hypot(...row)).join(' ');

function expectMetrics(metrics: RetrievalMetrics, expected: Record<string, number>): void {
  expect(Object.keys(metrics).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, value] of Object.entries(metrics)) expect(value, name).toBeCloseTo(expected[name] as number, 9);
}

// expected.json: fixtures/retrieval/generate.py, InformationRetrievalEvaluator on given vectors.
test("has the metrics of sentence-transformers' evaluator", async () => {
  const task = { queries: golden.queries.map(unit), documents: golden.documents.map(unit) };
  expectMetrics(await evaluateRetrieval(encoder, task), golden.metrics);
});

// The same script: pytrec_eval, each query with up to nine answers.
test("has pytrec_eval's metrics of several answers and their gains", async () => {
  const task = { queries: golden.queries.map(unit), documents: golden.documents.map(unit) };
  const relevant = golden.graded.relevant.map((own) => new Map(own));
  expectMetrics(await evaluateRetrieval(encoder, { ...task, relevant }), golden.graded.metrics);
});

// The same script: relevant documents beside them that the corpus does not have, and of the first query no other.
test("has pytrec_eval's metrics of a sampled corpus", async () => {
  const task = { queries: golden.queries.map(unit), documents: golden.documents.map(unit) };
  const relevant = golden.graded.relevant.map((own, i) => new Map(i > 0 ? own : []));
  const { unfound, metrics } = golden.sampled;
  expectMetrics(await evaluateRetrieval(encoder, { ...task, relevant, unfound }), metrics);
});

test('metrics from ranks 1, 2 and 11, by hand', () => {
  const metrics = retrievalMetrics([1, 2, 11].map((rank) => [{ rank, gain: 1 }]));
  expect(metrics['mrr@10']).toBeCloseTo(0.5, 12); // (1 + 1/2 + 0) / 3
  expect(metrics['recall@1']).toBeCloseTo(1 / 3, 12);
  expect(metrics['recall@10']).toBeCloseTo(2 / 3, 12);
  expect(metrics['ndcg@10']).toBeCloseTo((1 + 1 / Math.log2(3)) / 3, 12);
});

test('of documents scored the same the lower index comes first', () => {
  const query = Float32Array.of(1);
  const documents = [1, 1, 1].map((value) => Float32Array.of(value));
  expect(ranksOf([query], documents, [[[0], [1], [2]]])).toEqual([[1, 2, 3]]);
});

test('ranks agree with a full sort across blocks', () => {
  let state = 1;
  const next = () => {
    state = (state * 48271) % 2147483647;
    return (state % 7) - 3; // few values, so ties happen
  };
  const vectors = (count: number) => Array.from({ length: count }, () => Float32Array.from([next(), next()]));
  const queries = vectors(20);
  const documents = vectors(150);
  const score = (a: Float32Array, b: Float32Array) =>
    (a[0] as number) * (b[0] as number) + (a[1] as number) * (b[1] as number);
  const expected = queries.map((query, i) => {
    const scores = documents.map((document) => score(query, document));
    const order = scores.map((_, j) => j).sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
    return [order.indexOf(7 * i) + 1];
  });
  expect(
    ranksOf(
      queries,
      documents,
      queries.map((_, i) => [[7 * i]]),
    ),
  ).toEqual(expected);
});

test('documents of the same text are all right answers', async () => {
  const documents = ['1 0', '0 1', '1 0'];
  expect((await evaluateRetrieval(encoder, { queries: ['1 0', '0 1', '1 0'], documents }))['mrr@10']).toBe(1);
});

test('another copy of an answer takes no rank from the next', async () => {
  const task = {
    queries: ['1 0'],
    documents: ['1 0', '1 0', '0.9 0.4', '0 1'],
    relevant: [
      new Map([
        [1, 1],
        [2, 1],
      ]),
    ],
  };
  expect(await evaluateRetrieval(encoder, task)).toMatchObject({ 'recall@1': 0.5, 'ndcg@10': 1, 'map@100': 1 });
});

test('relevant names another document than the query’s own index', async () => {
  const task = { queries: ['1 0', '0 1'], documents: ['0 1', '1 0'] };
  expect((await evaluateRetrieval(encoder, { ...task, relevant: [1, 0] }))['recall@1']).toBe(1);
  expect((await evaluateRetrieval(encoder, task))['recall@1']).toBe(0);
});

test('a query without its document is named', async () => {
  await expect(evaluateRetrieval(encoder, { queries: ['1 0'], documents: [] })).rejects.toThrow(
    'relevant: no document 0 among 0\n  fix: give an index into documents for each query',
  );
});
