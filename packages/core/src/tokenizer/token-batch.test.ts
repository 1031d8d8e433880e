/** How texts are grouped to be encoded. */

import { expect, test } from 'vitest';

import { batchesByLength } from './token-batch.ts';

test('longest first; short texts are more than the batch size, long ones are not fewer', () => {
  expect(batchesByLength([], 2)).toEqual([]);
  expect(batchesByLength([3, 500, 4, 300], 2)).toEqual([
    [1, 3],
    [2, 0],
  ]);
  const short = batchesByLength(
    Array.from({ length: 1000 }, () => 10),
    32,
  );
  expect(short.map(({ length }) => length)).toEqual([409, 409, 182]); // 4,096 tokens
  expect(short.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  expect(batchesByLength([129, 129, 129], 2)).toEqual([[0, 1], [2]]);
});
