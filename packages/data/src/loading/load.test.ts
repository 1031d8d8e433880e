import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';

import type { Dataset, DatasetDict } from '../datasets/dataset.ts';
import type { IterableDataset, IterableDatasetDict } from '../datasets/iterable-dataset.ts';
import { sourceOf } from '../records/provenance.ts';
import type { Row } from '../records/records.ts';
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
const empty = join(folder, 'nothing');
mkdirSync(empty);
file('mixed/a.csv', 'text\na\n');
file('mixed/b.jsonl', line('a'));
const mixed = join(folder, 'mixed');
const fixture = (name: string) => fileURLToPath(new URL(`../../../../fixtures/data/files/${name}`, import.meta.url));

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

  test('other files, and folders by their names', async () => {
    const rows = [{ text: 'a', label: 1 }];
    const csv = 'text,label\na,1\n';
    const kinds = {
      'x.csv': csv,
      'x.tsv': csv.replaceAll(',', '\t'),
      'x.csv.gz': gzipSync(csv),
      'x.json': JSON.stringify(rows),
      'x.ndjson': `${JSON.stringify(rows[0])}\n`,
      'X.JSONL': `${JSON.stringify(rows[0])}\n`,
      'x.parquet.gz': gzipSync(readFileSync(fixture('required.parquet'))),
    };
    for (const [name, content] of Object.entries(kinds)) {
      const dataset = await loadDataset(file(`kinds/${name}`, content), { split: 'train' });
      if (name.startsWith('x.parquet')) expect(dataset.length).toBe(150);
      else expect([...dataset], name).toEqual(rows);
    }
  });

  test('patterns and dataFiles', async () => {
    file('many/a-1.csv', 'text\na\n');
    file('many/a-2.csv', 'text\nb\n');
    file('many/deep/a-3.csv', 'text\nc\n');
    const texts = async (path: string, options?: object) => {
      const dataset = (await loadDataset(path, options)) as Dataset;
      return dataset.column('text');
    };
    expect(await texts(join(folder, 'many/*.csv'))).toEqual(['a', 'b']);
    expect(await texts(join(folder, 'many/**/a-[23].csv'))).toEqual(['b', 'c']);
    const dict = (await loadDataset(join(folder, 'many'), {
      dataFiles: { train: 'a-1.csv', gold: ['deep/*', 'a-2.csv'] },
    })) as DatasetDict;
    expect(Object.entries(dict).map(([split, dataset]) => [split, dataset?.column('text')])).toEqual([
      ['train', ['a']],
      ['gold', ['c', 'b']],
    ]);
    expect(((await loadDataset(join(folder, 'many'))) as DatasetDict).train.column('text')).toEqual(['a', 'b']);
  });

  test('split names in files, folders, and shards', async () => {
    const write = (...names: string[]) => {
      for (const name of names) file(`named/${name}`, 'text\na\n');
    };
    write(
      'data/train-00000-of-00002.csv',
      'data/train-00001-of-00002.csv',
      'data/validation-00000-of-00001.csv',
      'data/en_test.csv',
    );
    const dict = (await loadDataset(join(folder, 'named'))) as DatasetDict;
    expect(Object.entries(dict).map(([split, dataset]) => [split, dataset?.length])).toEqual([
      ['train', 2],
      ['validation', 1],
      ['test', 1],
    ]);
    file('folders/training/a.csv', 'text\na\n');
    file('folders/eval/b.csv', 'text\nb\n');
    expect(Object.keys(await loadDataset(join(folder, 'folders')))).toEqual(['train', 'test']);
  });

  test('the configurations of a README.md', async () => {
    file(
      'configured/README.md',
      '---\nconfigs:\n- config_name: zh\n  data_files:\n  - split: train\n    path: "zh/*.csv"\n  - split: test\n    path: [zh/b.csv]\n- config_name: en\n  data_dir: en\n---\n# Title\n',
    );
    file('configured/zh/a.csv', 'text\na\n');
    file('configured/zh/b.csv', 'text\nb\n');
    file('configured/en/train.csv', 'text\nc\n');
    const path = join(folder, 'configured');
    expect((await loadDataset(path, { name: 'zh', split: 'train' })).column('text')).toEqual(['a', 'b']);
    expect((await loadDataset(path, { name: 'zh', split: 'test' })).column('text')).toEqual(['b']);
    expect((await loadDataset(path, { name: 'en', split: 'train' })).column('text')).toEqual(['c']);
    await expect(loadDataset(path)).rejects.toThrow(
      `${path}: 2 configurations: zh, en\n  fix: give the name of one, as in { name: 'zh' }`,
    );
  });

  test('what datasets saved: one Dataset, one by split, and M3E’s folder of them', async () => {
    const saved = (await loadDataset(fixture('saved'))) as Dataset;
    expect(saved.length).toBe(25);
    expect(saved.row(24)).toEqual({ text: '文本 24', text_pos: 'pair 24', label: 24 });
    expect(sourceOf(saved.row(24))).toBe(`${fixture('saved')}/data-00001-of-00002.arrow, row 12`);
    const dict = (await loadDataset(fixture('task.dataset'))) as DatasetDict;
    expect([dict.train.length, dict.test?.length]).toEqual([20, 5]);
    const tasks = join(folder, 'm3e');
    for (const task of ['a', 'b']) cpSync(fixture('task.dataset'), join(tasks, `${task}.dataset`), { recursive: true });
    await expect(loadDataset(tasks)).rejects.toThrow(
      `${tasks}: holds several datasets: a, b\n  fix: give the name of one, as in { name: 'a' }`,
    );
    expect((await loadDataset(tasks, { name: 'b', split: 'test' })).row(0)).toMatchObject({ text: '文本 20' });
  });

  test.each([
    ['train[:2]', [0, 1]],
    ['train[-2:]', [8, 9]],
    ['train[10%:30%]', [1, 2]],
    ['train[8:]+dev[:1]', [8, 9, 10]],
    ['train+dev', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
  ])('%s', async (split, numbers) => {
    file('sliced/train.jsonl', Array.from({ length: 10 }, (_, i) => `{"i":${i}}\n`).join(''));
    file('sliced/dev.jsonl', '{"i":10}\n{"i":11}\n');
    expect((await loadDataset(join(folder, 'sliced'), { split })).column('i')).toEqual(numbers);
  });

  test('streams, with the same splits, columns and slices', async () => {
    const dict = (await loadDataset(splits, { streaming: true })) as IterableDatasetDict;
    expect(Object.keys(dict)).toEqual(['train', 'dev', 'test']);
    const all: Row[] = [];
    for await (const row of dict.test as IterableDataset) all.push(row);
    expect(all).toEqual([{ text: 'c' }]);
    const path = file('stream.csv', `a,b\n${Array.from({ length: 9 }, (_, i) => `${i},x\n`).join('')}`);
    const rows: Row[] = [];
    for await (const row of await loadDataset(path, { streaming: true, split: 'train[2:4]', columns: ['a'] }))
      rows.push(row);
    expect(rows).toEqual([{ a: 2 }, { a: 3 }]);
    await expect(loadDataset(path, { streaming: true, split: 'train[:10%]' })).rejects.toThrow(
      "split: 'train[…]' counts from the end or in percent\n  fix: give numbers of rows, or leave streaming out",
    );
  });

  test.each<[string, unknown, string]>([
    ['..', { _data_files: [{ filename: '../a.arrow' }] }, "names '../a.arrow', which is no name of a file beside it"],
    ['/', { _data_files: [{ filename: '/etc/passwd' }] }, "names '/etc/passwd', which is no name of a file beside it"],
    ['a number', { _data_files: [{ filename: 7 }] }, 'names number, which is no name of a file beside it'],
    ['null', { _data_files: [null] }, 'names undefined, which is no name of a file beside it'],
    ['no list', { _data_files: 'a.arrow' }, 'names no files'],
    ['no object', null, 'does not hold a JSON object'],
  ])('a saved dataset whose state.json says %s is refused', async (_, state, text) => {
    const path = file('hostile/state.json', JSON.stringify(state));
    await expect(loadDataset(join(folder, 'hostile'))).rejects.toThrow(
      `${path}: ${text}\n  fix: save the dataset again`,
    );
    const dict = file('hostile-dict/dataset_dict.json', '{"splits":["../hostile"]}');
    await expect(loadDataset(join(folder, 'hostile-dict'))).rejects.toThrow(`${dict}: names '../hostile', which is no`);
  });

  test('bad records are left out, counted and named', async () => {
    const path = file('bad.jsonl', '{"text":"a"}\nnope\n{"text":"b"}\n');
    await expect(loadDataset(path)).rejects.toThrow(`${path}:2: not JSON`);
    const dataset = await loadDataset(path, { onBadRecord: 'skip', split: 'train' });
    expect(dataset.column('text')).toEqual(['a', 'b']);
    expect(dataset.skipped?.first).toEqual([expect.stringContaining(`${path}:2: not JSON`)]);
  });

  test('columns that are not there are named with those that are', async () => {
    const path = fixture('saved');
    await expect(loadDataset(path, { columns: ['z'] })).rejects.toThrow(
      "no column 'z'\n  fix: name columns of {text, text_pos, label}",
    );
    expect(((await loadDataset(path, { columns: ['label'] })) as Dataset).row(3)).toEqual({ label: 3 });
  });

  test.each([
    [
      'a missing split',
      splits,
      { split: 'validation' },
      "no split 'validation' (there are: train, dev, test)\n  fix: add",
    ],
    ['a missing name', splits, { name: 'large' }, "no folder 'large'\n  fix: leave name out"],
    ['an empty folder', empty, {}, "no split 'train' (there are: none)\n  fix: add train.jsonl"],
    [
      'a folder of several kinds',
      mixed,
      {},
      'train has files of several kinds (a.csv, b.jsonl)\n  fix: name those to read',
    ],
    [
      'a split of a file',
      file('b.jsonl', line('a')),
      { split: 'dev' },
      "no split 'dev' (it is all train)\n  fix: leave",
    ],
    ['a name of a file', file('b.jsonl', line('a')), { name: 'x' }, "a file has no part 'x'\n  fix: leave name out"],
    ['an empty file', file('empty.jsonl', ''), {}, 'holds no records\n  fix: give at least one record'],
    ['a file of blank lines', file('blank.jsonl', '\n \n'), {}, 'holds no records\n  fix: give'],
    ['a header alone', file('header.csv', 'a,b\n'), {}, 'holds no records\n  fix: give'],
    [
      'another extension',
      file('a.xml', '<a/>'),
      {},
      'not a kind of file that is read\n  fix: give one of .jsonl, .ndjson, .json, .csv, .tsv, .txt, .parquet, .arrow, or one',
    ],
    ['a missing path', join(folder, 'gone.jsonl'), {}, 'no such file or folder\n  fix: give a .jsonl'],
    ['a relative path that is missing', 'gone/gone.csv', {}, 'no such file or folder\n  fix: give a .jsonl'],
    ['a pattern of nothing', join(folder, '*.xml'), {}, 'no data file matches\n  fix: match files of .jsonl'],
  ])('%s is an error that says what to do', async (_, path, options, text) => {
    await expect(loadDataset(path, options)).rejects.toThrow(`${path}: ${text}`);
  });

  test('a split name that is none is an error', async () => {
    await expect(loadDataset(splits, { split: 'train[1' })).rejects.toThrow(
      "split: 'train[1' is no split\n  fix: write it as 'train'",
    );
  });
});
