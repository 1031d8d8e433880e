/** Records of other projects. */

import { expect, test } from 'vitest';
import type { Adapter } from '../names.ts';
import { suggestedNames } from '../records/known-names.ts';
import { inferRecordType, type Row } from '../records/records.ts';
import { adaptRecords } from './adapters.ts';
import { Dataset } from './dataset.ts';

function adapt(adapter: Adapter, ...rows: Row[]): Row[] {
  return [...adaptRecords(Dataset.fromRows(rows), adapter)];
}

test('one record for each positive of FlagEmbedding’s, with all its negatives', () => {
  expect(adapt('bge', { query: 'q', pos: ['a', 'b'], neg: ['x', 'y'], source: 's' })).toEqual([
    { text: 'q', text_pos: 'a', text_neg: ['x', 'y'], source: 's' },
    { text: 'q', text_pos: 'b', text_neg: ['x', 'y'], source: 's' },
  ]);
  expect(adapt('bge', { query: 'q', pos: ['a'] })).toEqual([{ text: 'q', text_pos: 'a' }]);
});

test('FlagEmbedding’s may have no negatives, and texts that are in no list', () => {
  expect(adapt('bge', { query: 'q', pos: '北京', neg: [] })).toEqual([{ text: 'q', text_pos: '北京', text_neg: [] }]);
  expect(adapt('bge', { query: 'q', pos: ['a'], neg: 'x' })).toEqual([{ text: 'q', text_pos: 'a', text_neg: ['x'] }]);
  expect(adapt('bge', { query: 'q', pos: ['a'], neg: null })).toEqual([{ text: 'q', text_pos: 'a' }]);
});

test('a teacher’s scores go with each positive and the negatives', () => {
  const row = { query: 'q', pos: ['a', 'b'], neg: ['x', 'y'], pos_scores: [5, 4], neg_scores: [1, -2] };
  const [first, second] = adapt('bge', row);
  expect(first).toEqual({ text: 'q', text_pos: 'a', text_neg: ['x', 'y'], scores: [5, 1, -2] });
  expect(second?.scores).toEqual([4, 1, -2]);
  expect(inferRecordType(first as Row)).toBe('scored_triplet');
});

test.each<[Adapter, string[]]>([
  ['medi', ['find:\nq', '\na', 'text:\nx']],
  ['medi_plain', ['q', 'a', 'x']],
  ['instructor', ['find:q', 'a', 'text:x']],
])('INSTRUCTOR’s by %s, with their task', (adapter, [text, text_pos, text_neg]) => {
  const row = { query: ['find:', 'q'], pos: ['', 'a'], neg: ['text:', 'x'], task_name: 't' };
  expect(adapt(adapter, row)).toEqual([{ text, text_pos, text_neg, task_name: 't' }]);
});

test('a stream of them stays one that can be shuffled, and goes on where it was', async () => {
  const rows = Dataset.fromRows([0, 1, 2].map((i) => ({ query: `q${i}`, pos: ['a', 'b'] }))).toIterableDataset();
  const stream = adaptRecords(rows, 'bge');
  const pass = stream[Symbol.asyncIterator]();
  const begun = await pass.take(3);
  const rest = [];
  for await (const row of stream.resume(pass.state())) rest.push(row);
  expect([...begun, ...rest].map(({ text, text_pos }) => `${text}${text_pos}`)).toEqual([
    'q0a',
    'q0b',
    'q1a',
    'q1b',
    'q2a',
    'q2b',
  ]);
  const shuffled = [];
  for await (const row of stream.shuffle({ seed: 1 })) shuffled.push(row);
  expect(shuffled).toHaveLength(6);
});

test.each<[Adapter, Row, string]>([
  ['bge', { query: 'q', pos: 5 }, 'pos is 5, and must be a text or a list of texts\n  fix: correct the record'],
  ['bge', { query: 'q', pos: [] }, 'pos is [], and must be a text or a list of texts, at least one'],
  [
    'bge',
    { query: 'q', pos: ['a'], neg: ['x'], pos_scores: [1] },
    'neg_scores is missing, and must be a list of numbers',
  ],
  [
    'bge',
    { query: 'q', pos: ['a'], pos_scores: [1, 2] },
    'pos_scores is [1,2], and must be a list of 1 numbers, one for',
  ],
  ['bge', { query: ['q'], pos: ['a'] }, 'query is ["q"], and must be a text'],
  ['medi', { query: ['i', 'q'], pos: ['i', 'a'] }, 'neg is missing, and must be an instruction and a text'],
])('%s of %j is refused', (adapter, row, message) => {
  expect(() => adapt(adapter, row)).toThrow(message);
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
