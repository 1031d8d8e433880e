/** Against fixtures/mining/generate.py: sentence-transformers' mine_hard_negatives. */

import { readFileSync } from 'node:fs';

import * as tf from '@tensorflow/tfjs-core';
import { useEngine } from '@uniem/core';
import { beforeAll, expect, test } from 'vitest';

import { type MiningOptions, mineHardNegatives } from './hard-negatives.ts';

const golden = JSON.parse(readFileSync(new URL('../../../../fixtures/mining/expected.json', import.meta.url), 'utf8'));
const pairs = golden.pairs.map(([text, text_pos]: [string, string]) => ({ text, text_pos }));
const vectors = { q: golden.queries, d: golden.documents } as Record<string, number[][]>;

/** Texts q0 … and d0 … have the golden's vectors. */
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
  await expect(mineHardNegatives(encoder, pairs, { numNegatives: 5, rangeMin: 3, rangeMax: 6 })).rejects.toThrow(
    'rangeMax: 5 negatives are not to be had between 3 and 6\n  fix: raise rangeMax, or lower rangeMin or numNegatives',
  );
});
