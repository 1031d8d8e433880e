/** The nearest documents against a full sort of float64 sums, whatever the blocks, and where the vectors lie. */

import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';

import { useEngine } from '../engine/engine.ts';
import { dot } from './score-blocks.ts';
import { type Hit, topK } from './top-k.ts';
import { type VectorSource, VectorStore, vectorsInMemory } from './vector-source.ts';

beforeAll(async () => {
  await useEngine({ backend: 'native' });
});

/** Numbers between −1 and 1. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return (2 * state) / 2147483647 - 1;
  };
}

async function search(queries: VectorSource, documents: VectorSource, k: number, memory?: number): Promise<Hit[][]> {
  const found: Hit[][] = [];
  for await (const part of topK(queries, documents, k, memory)) found.push(...part);
  return found;
}

const KINDS: [string, number, (x: number) => number][] = [
  ['of any values', 33, (x) => x],
  ['of few values, so that ties happen', 3, (x) => Math.round(2 * x)],
  ['that float32 sums cannot tell apart', 300, (x) => 1 + x * 1e-5],
];

describe.each(KINDS)('vectors %s', (_, H, make) => {
  const next = numbers(3);
  const vectors = (count: number) =>
    Array.from({ length: count }, () => Float32Array.from({ length: H }, () => make(next())));
  const queries = vectors(17);
  const documents = vectors(300);
  for (let i = 10; i < 300; i += 10) documents[i]?.set(documents[i - 7] as Float32Array); // copies

  test.each([
    [1, undefined],
    [10, undefined],
    [10, 400_000],
    [10, 1],
    [400, 50_000],
  ])('the %i nearest, in %s bytes', async (k, memory) => {
    const expected = queries.map((query) =>
      documents
        .map((document, index) => ({ index, score: dot(query, 0, document, 0, H) }))
        .sort((a, b) => b.score - a.score || a.index - b.index)
        .slice(0, k),
    );
    const { numTensors } = tf.memory();
    expect(await search(vectorsInMemory(queries), vectorsInMemory(documents), k, memory)).toEqual(expected);
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});

test('a store past its limit reads its vectors from the disk', async () => {
  const next = numbers(5);
  const vectors = Array.from({ length: 40 }, () => Float32Array.from({ length: 8 }, next));
  const [small, large] = [new VectorStore(40 * 8 * 4), new VectorStore(30 * 8 * 4)];
  for (const store of [small, large]) for (let i = 0; i < 40; i += 7) store.add(vectors.slice(i, i + 7));
  expect([small.isOnDisk, large.isOnDisk, large.length, large.dimension]).toEqual([false, true, 40, 8]);
  expect(await large.read(3, 38)).toEqual(await small.read(3, 38));
  expect(await search(large, large, 3)).toEqual(await search(small, small, 3));
  small.close();
  large.close();
});

test('what is no number is found by nobody', async () => {
  const documents = [Float32Array.of(Number.NaN), Float32Array.of(1), Float32Array.of(2)];
  const found = await search(vectorsInMemory([Float32Array.of(1)]), vectorsInMemory(documents), 3);
  expect(found).toEqual([
    [
      { index: 2, score: 2 },
      { index: 1, score: 1 },
    ],
  ]);
});

test('vectors of two lengths are refused', async () => {
  const [a, b] = [2, 3].map((H) => vectorsInMemory([new Float32Array(H)])) as [VectorSource, VectorSource];
  await expect(search(a, b, 1)).rejects.toThrow(
    'search: the queries have 2 values, the documents 3\n  fix: encode both with one model and one truncateDim',
  );
});
