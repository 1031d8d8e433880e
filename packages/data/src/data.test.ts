import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';

import { Dataset, inferRecordType, loadDataset, readJsonl, validateRecord } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'uniem-data-'));
const file = (name: string, content: string | Buffer) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

describe('readJsonl', () => {
  test('gives the same rows from a gzipped file, across chunk edges', async () => {
    const rows = Array.from({ length: 5000 }, (_, i) => ({ text: `第${i}句 — 汉字 é`, text_pos: `positive ${i}` }));
    const text = rows.map((row) => JSON.stringify(row)).join('\n');
    for (const path of [file('a.jsonl', text), file('a.jsonl.gz', gzipSync(text))]) {
      const read = [];
      for await (const row of readJsonl(path)) read.push(row);
      expect(read).toEqual(rows);
    }
  });

  test('names file and line of what is not JSON', async () => {
    const path = file('broken.jsonl', '{"text": "a"}\n{"text": \n');
    await expect(loadDataset(path)).rejects.toThrow(`${path}:2: not JSON`);
  });

  test('names file and line of what is not UTF-8', async () => {
    const path = file('latin1.jsonl', Buffer.from([0x22, 0xe9, 0x22, 0x0a]));
    await expect(loadDataset(path)).rejects.toThrow(`${path}:1: not valid UTF-8\n  fix: save the file as UTF-8`);
  });

  test('refuses an empty file', async () => {
    const path = file('empty.jsonl', '\n');
    await expect(loadDataset(path)).rejects.toThrow(`${path}: holds no records`);
  });
});

describe('records', () => {
  test('the most specific type wins', () => {
    expect(inferRecordType({ text: 'a', text_pos: 'b', text_neg: 'c' })).toBe('triplet');
    expect(inferRecordType({ text: 'a', text_pos: 'b' })).toBe('pair');
    expect(inferRecordType({ sentence1: 'a', sentence2: 'b', label: 1, text: 'x', text_pos: 'y' })).toBe('scored_pair');
  });

  test('a record without the fields names file, line and the fields found', async () => {
    const path = file('wrong.jsonl', '{"query": "a", "answer": "b"}\n');
    const [row] = [...((await loadDataset(path)) as Dataset)];
    expect(() => inferRecordType(row ?? {})).toThrow(`${path}:1: the fields {query, answer} match no record type`);
  });

  test('a label that is not a number names its value', async () => {
    const path = file('label.jsonl', '{"sentence1": "a", "sentence2": "b", "label": "high"}\n');
    const [row] = [...((await loadDataset(path)) as Dataset)];
    expect(() => validateRecord(row ?? {}, 'scored_pair')).toThrow(`${path}:1: label is "high", not a number`);
  });
});

describe('Dataset', () => {
  const numbers = (n: number) => Dataset.fromRows(Array.from({ length: n }, (_, i) => ({ i })));

  test('shuffles as datasets 5 does: numpy default_rng(seed).permutation', () => {
    // np.random.default_rng(42).permutation(10), numpy 2
    expect([...numbers(10).shuffle({ seed: 42 })].map(({ i }) => i)).toEqual([5, 6, 0, 7, 3, 2, 4, 9, 1, 8]);
  });

  test('a split loses no row and repeats none', () => {
    const { train, test: held } = numbers(10).trainTestSplit({ testSize: 0.3, seed: 42 });
    expect([train.length, held.length]).toEqual([7, 3]);
    expect(new Set([...train, ...held].map(({ i }) => i)).size).toBe(10);
  });
});
