/** Against fixtures/mining/generate.py: sentence-transformers' mine_hard_negatives. */

import { readFileSync } from 'node:fs';

import * as tf from '@tensorflow/tfjs-core';
import { useEngine } from '@uniem/core';
import { beforeAll, expect, test } from 'vitest';

import { type MiningOptions, mineHardNegatives } from './hard-negatives.ts';

const golden = JSON.parse(readFileSync(new URL('../../../../fixtures/mining/expected.json', import.meta.url), 'utf8'));
const pairs = golden.pairs.map(([text, text_pos]: [string, string]) => ({ text, text_pos }));
const vectors = { q: golden.queries, d: golden.documents, o: golden.others } as Record<string, number[][]>;

/** Texts q0 …, d0 … and o0 … have the golden's vectors. */
const encoder = {
  encode: async (texts: readonly string[]) =>
    texts.map((text) => {
      const row = vectors[text[0] as string]?.[Number(text.slice(1))] as number[];
      return Float32Array.from(row, (value) => value / Math.hypot(...row));
    }),
};

/** Their names to ours. */
const NAMES: Record<string, keyof MiningOptions> = {
  num_negatives: 'numNegatives',
  range_min: 'rangeMin',
  range_max: 'rangeMax',
  absolute_margin: 'margin',
  relative_margin: 'relativeMargin',
  max_score: 'maxScore',
  min_score: 'minScore',
};

beforeAll(async () => {
  await useEngine({ backend: 'native' });
});

interface Result {
  options: Record<string, number>;
  triplets: string[][];
}

test.each<Result>(golden.results)("$options mines sentence-transformers' triplets", async ({ options, triplets }) => {
  const ours = Object.fromEntries(Object.entries(options).map(([name, value]) => [NAMES[name] as string, value]));
  const mined = await mineHardNegatives(encoder, pairs, ours);
  expect(mined.map(({ text, text_pos, text_neg }) => [text, text_pos, text_neg])).toEqual(triplets);
});

test.each<Result>(golden.pooled)('$options of a corpus mines theirs', async ({ options, triplets }) => {
  const ours = Object.fromEntries(Object.entries(options).map(([name, value]) => [NAMES[name] as string, value]));
  for (const memory of [undefined, 20_000]) {
    const mined = await mineHardNegatives(encoder, pairs, { ...ours, corpus: golden.corpus, memory });
    expect(mined.map(({ text, text_pos, text_neg }) => [text, text_pos, text_neg])).toEqual(triplets);
  }
});

test('a corpus alone gives negatives, never a positive of the text, nor the text itself', async () => {
  const some = pairs.slice(0, 5);
  const corpus = ['q0', 'd1', ...Array.from({ length: 12 }, (_, i) => `o${i}`), 'o3', 'd2'];
  const mined = await mineHardNegatives(encoder, some, { corpus, numNegatives: 13 });
  expect(new Set(mined.map(({ text_neg }) => text_neg))).toEqual(new Set(corpus));
  const of = (text: string) => mined.filter((triplet) => triplet.text === text).map(({ text_neg }) => text_neg);
  expect(of('q0')).toHaveLength(13);
  expect(of('q0')).not.toContain('q0');
  expect(of('q1')).toEqual(expect.arrayContaining(['q0', 'd2']));
  expect(of('q1')).not.toContain('d1');
  const far = await mineHardNegatives(encoder, some, { corpus, margin: 0.3 }); // from positives outside the corpus
  const cosine = (a: string, b: string) => {
    const [x, y] = [a, b].map((text) => vectors[text[0] as string]?.[Number(text.slice(1))] as number[]);
    const dot = (p: number[], q: number[]) => p.reduce((sum, value, i) => sum + value * (q[i] as number), 0);
    return dot(x as number[], y as number[]) / Math.hypot(...(x as number[])) / Math.hypot(...(y as number[]));
  };
  expect(far.length).toBeGreaterThan(0);
  for (const { text, text_pos, text_neg } of far) {
    expect(cosine(text, text_neg) + 0.3).toBeLessThanOrEqual(cosine(text, text_pos) + 1e-6);
  }
});

test('random ones are of the same candidates, the same for a seed', async () => {
  const options = { numNegatives: 2, rangeMax: 8, sampling: 'random' } as const;
  const all = await mineHardNegatives(encoder, pairs, { numNegatives: 8, rangeMax: 8 });
  const known = new Set(all.map((triplet) => JSON.stringify(triplet)));
  const { numTensors } = tf.memory();
  const mined = await mineHardNegatives(encoder, pairs, options);
  expect(mined).toHaveLength(2 * pairs.length);
  expect(mined.every((triplet) => known.has(JSON.stringify(triplet)))).toBe(true);
  expect(await mineHardNegatives(encoder, pairs, options)).toEqual(mined);
  expect(await mineHardNegatives(encoder, pairs, { ...options, seed: 1 })).not.toEqual(mined);
  expect(tf.memory().numTensors).toBe(numTensors);
});

test('what cannot be mined is refused', async () => {
  await expect(mineHardNegatives(encoder, [])).rejects.toThrow('no pairs to mine\n  fix: give at least one');
  await expect(mineHardNegatives(encoder, pairs, { corpus: [] })).rejects.toThrow(
    'corpus: no texts to mine from\n  fix: give at least one',
  );
  await expect(mineHardNegatives(encoder, pairs, { numNegatives: 5, rangeMin: 3, rangeMax: 6 })).rejects.toThrow(
    'rangeMax: 5 negatives are not to be had between 3 and 6\n  fix: raise rangeMax, or lower rangeMin or numNegatives',
  );
});
