import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';

import { loadDataset } from './load.ts';

const folder = mkdtempSync(join(tmpdir(), 'uniem-load-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, content: string | Buffer) => {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  return path;
};
const line = (text: string) => `${JSON.stringify({ text })}\n`;

file('splits/train.jsonl', line('a'));
file('splits/dev.jsonl', line('b'));
file('splits/test.jsonl.gz', gzipSync(line('c')));
file('splits/small/train.jsonl', line('d'));
const splits = join(folder, 'splits');

describe('loadDataset', () => {
  test('gives the same rows from a file and its gzip', async () => {
    const plain = await loadDataset(file('a.jsonl', line('a') + line('b')), { split: 'train' });
    const packed = await loadDataset(file('a.jsonl.gz', gzipSync(line('a') + line('b'))), { split: 'train' });
    expect([...plain]).toEqual([{ text: 'a' }, { text: 'b' }]);
    expect([...packed]).toEqual([...plain]);
  });

  test('a folder gives its splits by name', async () => {
    const dict = await loadDataset(splits);
    const texts = Object.entries(dict).map(([split, dataset]) => [split, dataset.row(0).text]);
    expect(texts).toEqual([
      ['train', 'a'],
      ['dev', 'b'],
      ['test', 'c'],
    ]);
  });

  test('split gives that split, name the folder within', async () => {
    expect([...(await loadDataset(splits, { split: 'dev' }))]).toEqual([{ text: 'b' }]);
    expect([...(await loadDataset(splits, { name: 'small', split: 'train' }))]).toEqual([{ text: 'd' }]);
  });

  test.each([
    [
      'a missing split',
      splits,
      { split: 'validation' },
      "no split 'validation' (there are: train, dev, test)\n  fix: add",
    ],
    ['a missing name', splits, { name: 'large' }, "no folder 'large'\n  fix: leave name out"],
    ['a folder without splits', folder, {}, "no split 'train' (there are: none)\n  fix: add train.jsonl"],
    [
      'a split of a file',
      file('b.jsonl', line('a')),
      { split: 'dev' },
      "no split 'dev' (a file is train)\n  fix: leave",
    ],
    ['a name of a file', file('b.jsonl', line('a')), { name: 'x' }, "a file has no part 'x'\n  fix: leave name out"],
    ['an empty file', file('empty.jsonl', ''), {}, 'holds no records\n  fix: give at least one JSON object a line'],
    ['a file of blank lines', file('blank.jsonl', '\n \n'), {}, 'holds no records\n  fix: give'],
    [
      'another extension',
      file('a.csv', 'a,b'),
      {},
      'not a kind of file that is read\n  fix: give one of .jsonl, .jsonl.gz',
    ],
    ['a missing path', join(folder, 'gone.jsonl'), {}, 'no such file or folder\n  fix: give a .jsonl'],
    [
      'a hub id',
      'shibing624/nli_zh',
      {},
      'no such folder, and datasets of the Hugging Face hub are not supported yet\n  fix: download it, save it as train.jsonl',
    ],
  ])('%s is an error that says what to do', async (_, path, options, text) => {
    await expect(loadDataset(path, options)).rejects.toThrow(`${path}: ${text}`);
  });
});
