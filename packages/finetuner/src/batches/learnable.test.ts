/** What is said of records that nothing can be learned from, and of columns that training makes no use of. */

import { Dataset, IterableDataset, type RecordType, type Row } from '@uniem/data';
import { describe, expect, test } from 'vitest';

import { isHopelessBatch } from './learnable.ts';
import { openTrainingData } from './training-data.ts';

const scored = (i: number, label: unknown) => ({ sentence1: `a${i}`, sentence2: `b${i}`, label });
const many = (row: (i: number) => Row, count = 1200) => Array.from({ length: count }, (_, i) => row(i));
const open = (rows: Row[]) => openTrainingData(Dataset.fromRows(rows), undefined);

describe('records at hand', () => {
  test.each<[string, Row[], string]>([
    [
      'scored pairs of one label',
      [scored(1, 1), scored(2, 1)],
      'the training set: every label is 1: CoSent learns from the order of labels, and there is none\n  fix: give pairs of other labels too',
    ],
    ['scored pairs of one label, as text', [scored(1, '1'), scored(2, true)], 'every label is 1'],
    [
      'the same text on both sides',
      [0, 1].map((label) => ({ sentence1: 'a', sentence2: 'a', label })),
      'sentence1 and sentence2 are identical in every record\n  fix: give two texts that differ',
    ],
    [
      'one class',
      [1, 2, 3].map((i) => ({ text: `a${i}`, label: 'news' })),
      'every text is of the class news\n  fix: give at least two classes with two texts each',
    ],
    [
      'classes of one text each',
      [1, 2, 3].map((i) => ({ text: `a${i}`, label: i })),
      '3 classes, and fewer than two of them have two texts',
    ],
    [
      'labels that are words, all of which are named',
      [scored(1, 'entailment'), scored(2, '1'), scored(3, 'contradiction'), scored(4, 'entailment')],
      'labels are words, not numbers: contradiction, entailment\n  fix: give each a number: --label-map contradiction=0,entailment=1 with',
    ],
  ])('%s are refused', async (_, rows, message) => {
    await expect(open(rows)).rejects.toThrow(message);
  });

  test.each<[string, Row[], string]>([
    [
      'pairs that all have one positive',
      [1, 2].map((i) => ({ text: `a${i}`, text_pos: 'b' })),
      'every record has the same text_pos, so there are no in-batch negatives; give records of different texts',
    ],
    [
      'pairs that all have one text',
      [1, 2].map((i) => ({ text: 'a', text_pos: `b${i}` })),
      'every record has the same text, so each positive is also a negative of that text; give records of different texts',
    ],
    [
      'pairs of the same text twice',
      [1, 2].map((i) => ({ text: `a${i}`, text_pos: `a${i}` })),
      'text and text_pos are identical in every record: only dropout makes them differ (unsupervised SimCSE); give',
    ],
    [
      'a label that pairs make no use of',
      [1, 2].map((i) => ({ text: `a${i}`, text_pos: `b${i}`, label: i })),
      "column 'label' is not used by record type pair; it looks like a label: rename",
    ],
    [
      'triplets with and without negatives',
      [
        { text: 'a', text_pos: 'b', text_neg: [] },
        { text: 'c', text_pos: 'd', text_neg: ['e'] },
      ],
      '1 of 2 records have no negatives: the other positives of the batch are used as negatives throughout',
    ],
    [
      'scores of triplets, some without negatives',
      [
        { text: 'a', text_pos: 'b', text_neg: [], scores: [1] },
        { text: 'c', text_pos: 'd', text_neg: ['e'], scores: [1, 0] },
      ],
      '1 of 2 records have no negatives: a score has nothing to be compared with there',
    ],
  ])('%s: it is said', async (_, rows, note) => {
    const { notes } = await open(rows);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toContain(note);
  });

  test('pairs of which later ones have negatives are triplets', async () => {
    const rows = [
      { text: 'a', text_pos: 'b' },
      { text: 'c', text_pos: 'd', text_neg: 'e' },
    ];
    expect(await open(rows)).toMatchObject({ recordType: 'triplet', withoutNegatives: 1 });
  });

  test('nothing is said of records that are good', async () => {
    const triplets = [1, 2].map((i) => ({ text: `a${i}`, text_pos: `b${i}`, text_neg: `c${i}`, id: i }));
    expect((await open(triplets)).notes).toEqual([]);
    expect((await open([scored(1, true), scored(2, '0.5')])).notes).toEqual([]);
  });
});

describe('streams', () => {
  const read = async (row: (i: number) => Row) => {
    const told: string[] = [];
    const stream = IterableDataset.fromGenerator(() => many(row));
    const { train } = await openTrainingData(stream, undefined, 'error', (warning) => told.push(warning));
    for (let pass = 0; pass < 2; pass++) for await (const _ of train);
    return told;
  };

  test('are judged by their first 1,000 records, once', async () => {
    expect(await read((i) => scored(i, 1))).toEqual([
      expect.stringContaining('in the first 1000 records, every label is 1'),
    ]);
    expect(await read((i) => scored(i, i === 999 ? 1 : 0))).toEqual([]);
  });

  test('of triplets say once that one has no negative; of pairs refuse negatives that come later', async () => {
    const triplet = (i: number) => ({ text: `a${i}`, text_pos: `b${i}`, text_neg: i % 2 ? ['c'] : [] });
    expect(await read(triplet)).toEqual([expect.stringContaining('a record has no negatives')]);
    const late = (i: number) => ({ text: `a${i}`, text_pos: `b${i}`, ...(i === 7 ? { text_neg: 'c' } : {}) });
    await expect(read(late)).rejects.toThrow('has negatives, but the first record of the stream has none');
  });
});

test.each<[RecordType, Row[], boolean]>([
  ['pair', [1, 2].map((i) => ({ text: `a${i}`, text_pos: 'b' })), true],
  ['pair', [1, 2].map((i) => ({ text: `a${i}`, text_pos: `a${i}` })), false], // SimCSE
  ['triplet', [1, 2].map(() => ({ text: 'a', text_pos: 'b', text_neg: 'c' })), false],
  ['scored_pair', [scored(1, 0), scored(2, 0)], true],
  ['scored_pair', [scored(1, 0), scored(2, 1)], false],
  ['labeled_text', [1, 2, 3, 4].map((i) => ({ text: 'a', label: i % 2 })), false],
])('a batch of type %s, %j: no gradient %o', (type, rows, isHopeless) => {
  expect(isHopelessBatch(rows, type)).toBe(isHopeless);
});
