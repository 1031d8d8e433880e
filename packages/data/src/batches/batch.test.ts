/** How rows are grouped. */

import { expect, test } from 'vitest';

import { type BatchOptions, batches, roundRobin } from './batch.ts';

interface Word {
  text: string;
  task?: string;
}

async function groups(words: readonly (string | Word)[], options: BatchOptions<Word>): Promise<string[]> {
  const found: string[] = [];
  const rows = words.map((word) => (typeof word === 'string' ? { text: word } : word));
  for await (const group of batches(rows, options)) found.push(group.map(({ text }) => text).join(' '));
  return found;
}

const textsOf = ({ text }: Word) => [text];

test('in order, the last one smaller or left out', async () => {
  expect(await groups([...'abcde'], { batchSize: 2 })).toEqual(['a b', 'c d', 'e']);
  expect(await groups([...'abcde'], { batchSize: 2, dropLast: true })).toEqual(['a b', 'c d']);
  expect(await groups([], { batchSize: 2 })).toEqual([]);
});

test('no text twice in a group: the second one goes to the next', async () => {
  expect(await groups([...'aabcbd'], { batchSize: 2, textsOf })).toEqual(['a b', 'a c', 'b d']);
  expect(await groups([...'aaab'], { batchSize: 2, textsOf })).toEqual(['a b', 'a', 'a']);
  expect(await groups([...'aaab'], { batchSize: 2, textsOf, dropLast: true })).toEqual(['a b']);
});

test('every row comes once, whatever repeats', async () => {
  const letters = Array.from({ length: 1000 }, (_, i) => 'abcdefgh'[(i * i + 3 * i) % 8] as string);
  const found = await groups(letters, { batchSize: 4, textsOf });
  expect(found.flatMap((group) => group.split(' ')).sort()).toEqual([...letters].sort());
  for (const group of found) expect(new Set(group.split(' ')).size).toBe(group.split(' ').length);
});

test('rows that wait are not without number', async () => {
  const found = await groups([...'ab'.repeat(1), ...'a'.repeat(100)], { batchSize: 3, textsOf });
  expect(found[0]).toBe('a b'); // given before it was full, when 31 waited
  expect(found).toHaveLength(101);
});

test('one kind a group', async () => {
  const words = [...'abcdef'].map((text, i) => ({ text, task: i % 3 === 0 ? 'x' : 'y' }));
  expect(await groups(words, { batchSize: 2, kindOf: ({ task }) => task })).toEqual(['b c', 'a d', 'e f']);
});

test('a group ends before it goes past the budget, but not before it has its least rows', async () => {
  const budget = { sizeOf: ({ text }: Word) => text.length, most: 6, least: 1 };
  const words = ['aaa', 'bb', 'cc', 'dddddddd', 'e', 'ffffff', 'g', 'h', 'i'];
  expect(await groups(words, { batchSize: 3, budget })).toEqual(['aaa bb', 'cc', 'dddddddd', 'e', 'ffffff', 'g h i']);
  const pairs = { ...budget, least: 2 };
  expect(await groups(words, { batchSize: 3, budget: pairs })).toEqual(['aaa bb', 'cc dddddddd', 'e ffffff', 'g h i']);
  expect(await groups(words.slice(0, 3), { batchSize: 3, budget, dropLast: true })).toEqual(['aaa bb']);
});

test('a budget, unique texts and one kind go together, and every row comes once', async () => {
  const words = Array.from({ length: 300 }, (_, i) => ({
    text: 'abcdefgh'[(i * i + 3 * i) % 8]?.repeat(1 + (i % 5)) as string,
    task: String(i % 3),
  }));
  const kinds = new Map(words.map(({ text, task }) => [text + task, task]));
  const options: BatchOptions<Word> = {
    batchSize: 4,
    textsOf,
    kindOf: ({ task }) => task,
    budget: { sizeOf: ({ text }) => text.length, most: 9, least: 1 },
  };
  const found: Word[][] = [];
  for await (const group of batches<Word>(words, options)) found.push(group);
  expect(
    found
      .flat()
      .map(({ text }) => text)
      .sort(),
  ).toEqual(words.map(({ text }) => text).sort());
  for (const group of found) {
    expect(new Set(group.map(({ text }) => text)).size).toBe(group.length);
    expect(new Set(group.map(({ text, task }) => kinds.get(text + task))).size).toBe(1);
    expect(group.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThanOrEqual(9);
  }
});

test('sources take turns until the shortest has no more', async () => {
  const ended: string[] = [];
  async function* source(letters: string) {
    try {
      yield* letters;
    } finally {
      ended.push(letters);
    }
  }
  const found: string[] = [];
  for await (const letter of roundRobin([source('abc'), source('12'), source('xyz')])) found.push(letter);
  expect(found.join('')).toBe('a1xb2yc');
  expect(ended.sort()).toEqual(['12', 'abc', 'xyz']);
  for await (const _ of roundRobin([])) expect.fail('there is none');
});

test('a batch size that is none is refused', async () => {
  await expect(groups(['a'], { batchSize: 0 })).rejects.toThrow(
    'batchSize: must be a whole number above 0 (received 0)\n  fix: give a whole number above 0',
  );
});
