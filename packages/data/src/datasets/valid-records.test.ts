/** Records that nothing can be trained on, left out. */

import { expect, test, vi } from 'vitest';
import type { Row } from '../records/records.ts';
import { Dataset } from './dataset.ts';
import { IterableDataset } from './iterable-dataset.ts';
import { validRecords } from './valid-records.ts';

const good = { text: 'a', text_pos: 'b' };
const rows: Row[] = [
  good,
  { ...good, text: null },
  { ...good, text_pos: ' \n' },
  { text: 'a' },
  good,
  { ...good, text: ['a'] },
  { ...good, text: '' },
  { ...good, text: 7 },
];
const report = `skipped 6 bad records:
  record 2: text is null, not a text
  record 3: text_pos is blank
  record 4: a pair needs text_pos; the record has {text}
  record 6: text is ["a"], not a text
  record 7: text is blank
  … and 1 more`;

async function* stream(): AsyncGenerator<Row> {
  yield* rows;
}

test('of a stream are counted and the first five named, once however often it is read', async () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const kept = validRecords(IterableDataset.fromGenerator(stream), 'pair');
  for (let epoch = 0; epoch < 2; epoch++) {
    const found: Row[] = [];
    for await (const row of kept) found.push(row);
    expect(found).toEqual([good, good]);
  }
  expect(warn.mock.calls).toEqual([[report, 'BadRecordsWarning']]);
  warn.mockRestore();
});

test('of a Dataset with a value of another kind in a column too', () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const labels = [1, 2n, Number.NaN, null, 'high'].map((label) => ({ sentence1: 'a', sentence2: 'b', label }));
  const kept = [...validRecords(Dataset.fromRows(labels as Row[]), 'scored_pair')];
  expect(kept.map(({ label }) => Number(label))).toEqual([1, 2]);
  expect(warn.mock.calls[0]?.[0]).toContain('record 5: label is "high", not a number');
  warn.mockRestore();
});

test.each([
  ['triplet', { ...good, text_neg: ['x', ''] }, 'text_neg is blank'],
  ['text_vector', { text: 'a', vector: [] }, 'vector is [], not a list of numbers'],
] as const)('%s', (type, row, problem) => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  expect(validRecords(Dataset.fromRows([row]), type)).toHaveLength(0);
  expect(warn.mock.calls[0]?.[0]).toContain(`record 1: ${problem}`);
  warn.mockRestore();
});
