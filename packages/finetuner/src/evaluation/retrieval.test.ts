import { readFileSync } from 'node:fs';

import type { Embedder } from '@uniem/core';
import { vectorsInMemory } from '@uniem/core/search';
import { describe, expect, test } from 'vitest';

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

test('of documents scored the same the lower index comes first', async () => {
  const query = Float32Array.of(1);
  const documents = [1, 1, 1].map((value) => Float32Array.of(value));
  const ranks = await ranksOf(vectorsInMemory([query]), vectorsInMemory(documents), [[[0], [1], [2]]]);
  expect(ranks).toEqual([[1, 2, 3]]);
});

/** Numbers between −1 and 1. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return (2 * state) / 2147483647 - 1;
  };
}

describe.each([
  ['of few values, so that ties happen', 2, (x: number) => Math.round(x * 3)],
  ['that float32 sums cannot tell apart', 300, (x: number) => 1 + x * 1e-5],
])('ranks %s', (_, H, make) => {
  const next = numbers(7);
  const vectors = (count: number) =>
    Array.from({ length: count }, () => Float32Array.from({ length: H }, () => make(next())));
  const queries = vectors(20);
  const documents = vectors(150);
  documents.forEach((document, i) => {
    if (i % 5 === 4) document.set(documents[i - 3] as Float32Array); // copies under another text
  });

  test.each([256 * 2 ** 20, 2e6, 1])('agree with a full sort, in %i bytes', async (memory) => {
    const expected = queries.map((query, i) => {
      const scores = documents.map((document) =>
        query.reduce((sum, value, j) => sum + value * (document[j] as number), 0),
      );
      const order = scores.map((_, j) => j).sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
      return [order.indexOf(7 * i) + 1];
    });
    const answers = queries.map((_, i) => [[7 * i]]);
    expect(await ranksOf(vectorsInMemory(queries), vectorsInMemory(documents), answers, memory)).toEqual(expected);
  });
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

describe('quantized documents', () => {
  const task = { queries: golden.queries.map(unit), documents: golden.documents.map(unit) };

  test('are ranked by their bits, where all are candidates', async () => {
    const bits = task.documents.map((text) => text.split(' ').map((value) => (Number(value) > 0 ? 1 : 0)));
    const ranks = task.queries.map((text, i) => {
      const query = text.split(' ').map((value) => Math.fround(Number(value)));
      const equal = (other: number[]) => other.filter((bit, j) => bit === ((query[j] as number) > 0 ? 1 : 0)).length;
      const score = (other: number[]) => other.reduce<number>((sum, bit, j) => sum + bit * (query[j] as number), 0);
      const order = bits
        .map((other, index) => ({ index, equal: equal(other), score: score(other) }))
        .sort((a, b) => b.score - a.score || b.equal - a.equal || a.index - b.index);
      return [{ rank: 1 + order.findIndex(({ index }) => index === i), gain: 1 }];
    });
    const quantization = { precision: 'ubinary', multiplier: 1 } as const; // 100 candidates of 60 documents
    expect(await evaluateRetrieval(encoder, task, { quantization })).toEqual(retrievalMetrics(ranks));
  });

  test('of 8 bits lose next to nothing, of one bit much', async () => {
    const measured = async (precision: 'int8' | 'binary') =>
      (await evaluateRetrieval(encoder, task, { quantization: { precision } }))['ndcg@10'];
    expect(Math.abs((await measured('int8')) - (golden.metrics['ndcg@10'] as number))).toBeLessThan(0.02);
    expect(await measured('binary')).toBeLessThan((golden.metrics['ndcg@10'] as number) - 0.1);
  });

  test('another copy of an answer takes no rank from the next', async () => {
    const copies = {
      queries: ['1 0'],
      documents: ['1 0', '1 0', '0.9 -0.4', '-1 1'],
      relevant: [
        new Map([
          [1, 1],
          [2, 1],
        ]),
      ],
    };
    const quantization = { precision: 'uint8' } as const;
    const metrics = await evaluateRetrieval(encoder, copies, { quantization });
    expect(metrics).toMatchObject({ 'recall@1': 0.5, 'ndcg@10': 1, 'map@100': 1 });
  });
});
