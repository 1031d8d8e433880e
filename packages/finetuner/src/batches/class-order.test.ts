import { expect, test } from 'vitest';

import { classOrder, inClassOrder } from './class-order.ts';

test('every four neighbours have two classes with two texts each', () => {
  const classes = [...'aaaaabbbbbcccccc'];
  const order = classOrder(classes);
  expect(new Set(order).size).toBe(order.length);
  expect(order).toHaveLength(2 * (2 + 2 + 2)); // the odd text of a and of b, and c's tail alone, are left out
  for (let start = 0; start + 4 <= order.length; start += 4) {
    const batch = order.slice(start, start + 4).map((index) => classes[index]);
    expect(batch[0]).toBe(batch[1]);
    expect(batch[2]).toBe(batch[3]);
    expect(new Set(batch).size).toBe(2);
  }
});

test('as long as the stream of GROUP_BY_LABEL: twice the pairs of a class, at most those of the second largest', () => {
  const sizes = [9, 4, 3, 1];
  const classes = sizes.flatMap((size, i) => Array.from({ length: size }, () => i));
  const pairs = sizes.filter((size) => size > 1).map((size) => Math.floor(size / 2));
  const cap = pairs.sort((a, b) => b - a)[1] as number;
  const wanted = 2 * pairs.reduce((sum, count) => sum + Math.min(count, cap), 0);
  expect(classOrder(classes)).toHaveLength(wanted);
});

test('other orders of the texts give other batches', () => {
  expect(classOrder([...'aabbaabb'])).not.toEqual(classOrder([...'abababab']));
  expect(classOrder([...'abababab'])).toEqual(classOrder([...'abababab']));
});

test('one class, or none with two texts, gives nothing', () => {
  expect(classOrder([...'aaaa'])).toEqual([]);
  expect(classOrder([...'abcd'])).toEqual([]);
});

test('a stream is ordered within windows, whose rest waits', async () => {
  async function* rows() {
    for (let i = 0; i < 100; i++) yield { own: i < 50 ? 'a' : 'b', i };
  }
  const found: string[] = [];
  for await (const { own, i } of inClassOrder(rows(), (row) => row.own, 20)) found.push(`${own}${i}`);
  expect(new Set(found).size).toBe(found.length);
  expect(found.length).toBeGreaterThan(8);
  for (let start = 0; start + 4 <= found.length; start += 4) {
    expect(new Set(found.slice(start, start + 4).map(([own]) => own)).size).toBe(2);
  }
});
