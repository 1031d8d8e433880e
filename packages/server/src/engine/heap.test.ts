import { expect, test } from 'vitest';

import { Heap } from './heap.ts';

test('gives the least first, whatever the order they came in', () => {
  const heap = new Heap<number>();
  const keys = Array.from({ length: 500 }, (_, i) => (i * 7919) % 503);
  for (const key of keys) heap.push(key, key);
  heap.filter((value) => value % 2 === 0);
  heap.push(-1, -1);
  const expected = [-1, ...keys.filter((key) => key % 2 === 0).sort((a, b) => a - b)];
  expect(heap.size).toBe(expected.length);
  expect(heap.leastKey).toBe(-1);
  expect(heap.peek()).toBe(-1);
  expect(expected.map(() => heap.pop())).toEqual(expected);
  expect([heap.pop(), heap.peek(), heap.leastKey]).toEqual([undefined, undefined, Number.POSITIVE_INFINITY]);
});
