import { describe, expect, test } from 'vitest';

import { batches } from './batch.ts';

async function* stream() {
  yield* [1, 2, 3, 4, 5];
}

describe('batches', () => {
  test.each([
    ['an iterable', () => [1, 2, 3, 4, 5]],
    ['an async iterable', stream],
  ])('groups %s in order', async (_, source) => {
    const all = async (dropLast?: boolean) => {
      const groups = [];
      for await (const group of batches<number>(source(), { batchSize: 2, dropLast })) groups.push(group);
      return groups;
    };
    expect(await all()).toEqual([[1, 2], [3, 4], [5]]);
    expect(await all(true)).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  test.each([0, 1.5, -2])('refuses a batchSize of %d', async (batchSize) => {
    await expect(batches([1], { batchSize }).next()).rejects.toThrow(
      `batchSize: batchSize is ${batchSize}\n  fix: give`,
    );
  });
});
