/** How rows are grouped. */

import { expect, test } from 'vitest';

import { type BatchOptions, batches } from './batch.ts';

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

test('a batch size that is none is refused', async () => {
  await expect(groups(['a'], { batchSize: 0 })).rejects.toThrow(
    'batchSize: batchSize is 0\n  fix: give a whole number',
  );
});
