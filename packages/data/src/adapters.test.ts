/** Records of other projects. */

import { expect, test } from 'vitest';

import { type Adapter, adaptRecords } from './adapters.ts';
import { suggestedNames } from './known-names.ts';
import { inferRecordType, type Row } from './records.ts';

async function adapt(adapter: Adapter, ...rows: Row[]): Promise<Row[]> {
  const found: Row[] = [];
  for await (const row of adaptRecords(rows, adapter)) found.push(row);
  return found;
}

test('one record for each positive of FlagEmbedding’s, with all its negatives', async () => {
  expect(await adapt('bge', { query: 'q', pos: ['a', 'b'], neg: ['x', 'y'], source: 's' })).toEqual([
    { text: 'q', text_pos: 'a', text_neg: ['x', 'y'], source: 's' },
    { text: 'q', text_pos: 'b', text_neg: ['x', 'y'], source: 's' },
  ]);
  expect(await adapt('bge', { query: 'q', pos: ['a'] })).toEqual([{ text: 'q', text_pos: 'a' }]);
});

test('INSTRUCTOR’s with their instructions and task', async () => {
  const row = { query: ['find: ', 'q'], pos: ['', 'a'], neg: ['text: ', 'x'], task_name: 't' };
  expect(await adapt('medi', row)).toEqual([{ text: 'find: q', text_pos: 'a', text_neg: 'text: x', task_name: 't' }]);
});

test.each<[Adapter, Row, string]>([
  ['bge', { query: 'q', pos: 'a' }, 'pos is "a", and must be a list of texts\n  fix: correct the record'],
  ['bge', { query: ['q'], pos: ['a'] }, 'query is ["q"], and must be a text'],
  ['bge', { query: 'q', pos: ['a'], neg: [] }, 'neg is [], and must be a list of texts'],
  ['medi', { query: ['i', 'q'], pos: ['i', 'a'] }, 'neg is missing, and must be an instruction and a text'],
])('%s of %j is refused', async (adapter, row, message) => {
  await expect(adapt(adapter, row)).rejects.toThrow(message);
});

test('known names are suggested, the most specific first', () => {
  expect(suggestedNames(['id', 'anchor', 'positive', 'negative'])).toEqual({
    anchor: 'text',
    positive: 'text_pos',
    negative: 'text_neg',
  });
  expect(suggestedNames(['question', 'answer'])).toEqual({ question: 'text', answer: 'text_pos' });
  expect(suggestedNames(['sentence1', 'sentence2', 'score'])).toEqual({ score: 'label' });
  expect(suggestedNames(['a', 'b'])).toBeUndefined();
  expect(() => inferRecordType({ sentence_A: 'a', sentence_B: 'b', relatedness_score: 3 })).toThrow(
    'match no record type\n  fix: rename sentence_A to sentence1, sentence_B to sentence2, relatedness_score to label ' +
      '(--rename sentence_A=sentence1 --rename sentence_B=sentence2 --rename relatedness_score=label)',
  );
});
