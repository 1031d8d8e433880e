import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { Pcg64 } from './random.ts';

/** Made by fixtures/data/generate.py; the versions of numpy and datasets are inside. */
const golden = JSON.parse(readFileSync(new URL('../../../fixtures/data/permutations.json', import.meta.url), 'utf8'));

describe('Pcg64', () => {
  test.each<{ seed: number; size: number; order: number[] }>(golden.permutations)(
    'permutes $size as numpy does from seed $seed',
    ({ seed, size, order }) => {
      expect([...new Pcg64(seed).permutation(size)]).toEqual(order);
    },
  );

  test.each<{ seed: number; values: number[] }>(golden.random)('draws numpy’s floats from seed $seed', (expected) => {
    const random = new Pcg64(expected.seed);
    expect(expected.values.map(() => random.random())).toEqual(expected.values);
  });

  test.each<{ seed: number; low: number; high: number; values: number[] }>(golden.integers)(
    'draws numpy’s integers in [$low, $high) from seed $seed',
    ({ seed, low, high, values }) => {
      const random = new Pcg64(seed);
      expect(values.map(() => random.integers(low, high))).toEqual(values);
    },
  );

  test.each([-1, 0.5, Number.NaN])('refuses %d as a seed', (seed) => {
    expect(() => new Pcg64(seed)).toThrow(`seed: ${seed} is not a seed\n  fix: give a whole number from 0 on`);
  });

  test('refuses integers of an empty range', () => {
    expect(() => new Pcg64(0).integers(3, 3)).toThrow('integers: no integers from 3 below 3');
  });
});
