/** Datasets of a hub of ours on loopback: fixtures/hub/server.ts. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { HubServer } from '../../../../fixtures/hub/server.ts';
import type { Dataset, DatasetDict } from '../datasets/dataset.ts';
import { sourceOf } from '../records/provenance.ts';
import type { Row } from '../records/records.ts';
import { type LoadOptions, loadDataset } from './load.ts';

const fixture = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../../../fixtures/data/files/${name}`, import.meta.url)));

let hub: HubServer;
let cacheDir: string;
const made: string[] = [];

beforeAll(async () => {
  hub = await HubServer.start();
});
afterAll(async () => {
  await hub.stop();
  for (const folder of made) rmSync(folder, { recursive: true });
});
beforeEach(() => {
  hub.forget();
  cacheDir = mkdtempSync(join(tmpdir(), 'uniem-hub-data-'));
  made.push(cacheDir);
});

const load = (id: string, { offline, ...options }: LoadOptions & { offline?: boolean } = {}) =>
  loadDataset(id, {
    token: false,
    ...options,
    hub: { endpoint: hub.endpoint, cacheDir, retryDelay: 1, ...(offline ? { offline } : {}) },
  });
const rowsOf = async (rows: AsyncIterable<Row>) => {
  const all: Row[] = [];
  for await (const row of rows) all.push(row);
  return all;
};
const sizes = (dict: unknown) =>
  Object.entries(dict as DatasetDict).map(([split, dataset]) => [split, dataset?.length]);
const lines = (n: number) => Array.from({ length: n }, (_, i) => `{"text":"文本 ${i}","label":${i}}\n`).join('');
const README = `---
configs:
- config_name: STS-B
  data_files:
  - split: train
    path: data/sts/train-*.jsonl
  - split: validation
    path: data/sts/dev.jsonl
- config_name: BQ
  data_files: bq.csv
---
`;

describe('a dataset of the hub', () => {
  const files = {
    'README.md': README,
    'data/sts/train-1.jsonl': lines(3),
    'data/sts/train-2.jsonl': lines(2),
    'data/sts/dev.jsonl': lines(1),
    'bq.csv': 'text,label\na,1\n',
  };

  test('has the splits of the configuration that its README names', async () => {
    hub.commit('datasets/org/configs', files);
    expect(sizes(await load('org/configs', { name: 'STS-B' }))).toEqual([
      ['train', 5],
      ['validation', 1],
    ]);
    const bq = (await load('org/configs:BQ', { split: 'train' })) as Dataset;
    expect([...bq]).toEqual([{ text: 'a', label: 1 }]);
    expect(sourceOf(bq.row(0))).toBe('org/configs@main/bq.csv:2');
    await expect(load('org/configs')).rejects.toThrow(
      "org/configs: 2 configurations: STS-B, BQ\n  fix: give the name of one, as in { name: 'STS-B' }",
    );
    await expect(load('org/configs:BQ', { split: 'dev' })).rejects.toThrow("no split 'dev' (there are: train)");
  });

  test('has the splits its files’ names tell, of any revision', async () => {
    hub.commit('datasets/org/plain', {
      'train.jsonl.gz': gzipSync(lines(40)),
      'test.csv': 'text\na\n',
      'dataset_infos.json': '{}',
    });
    hub.commit('datasets/org/plain', { 'train.jsonl': lines(7) }, { revision: 'v1' });
    expect(sizes(await load('org/plain'))).toEqual([
      ['train', 40],
      ['test', 1],
    ]);
    expect(sizes(await load('org/plain', { revision: 'v1' }))).toEqual([['train', 7]]);
    expect(sizes(await load('org/plain@v1'))).toEqual([['train', 7]]);
    expect(sizes(await load('org/plain', { dataFiles: { train: '*.csv' } }))).toEqual([['train', 1]]);
    await expect(load('org/plain', { dataFiles: '*.parquet' })).rejects.toThrow(
      "org/plain: no file matches '*.parquet' (data files: test.csv, train.jsonl.gz)\n  fix: correct dataFiles",
    );
  });

  /** shibing624/nli_zh is like this: a script on main, its rows as Parquet on another branch. */
  test('that is a script is read from its Parquet copy', async () => {
    hub.commit('datasets/org/script', { 'script.py': 'import os', 'README.md': '# no configurations' });
    const parquet = fixture('required.parquet');
    const converted = {
      'STS-B/train/0000.parquet': parquet,
      'STS-B/train/0001.parquet': parquet,
      'STS-B/partial-test/0000.parquet': parquet,
    };
    hub.commit(
      'datasets/org/script',
      { ...converted, 'BQ/script-train.parquet': parquet },
      { revision: 'refs/convert/parquet' },
    );
    expect(sizes(await load('org/script', { name: 'STS-B' }))).toEqual([
      ['train', 300],
      ['test', 150],
    ]);
    expect(sizes(await load('org/script', { name: 'BQ' }))).toEqual([['train', 150]]);
    await expect(load('org/script')).rejects.toThrow('org/script: 2 configurations: BQ, STS-B\n  fix: give the name');
    await expect(load('org/script', { name: 'LCQMC' })).rejects.toThrow(
      "org/script: no data files of the configuration 'LCQMC'; tried: README.md (no configurations); the folder LCQMC on main " +
        '(only the script script.py, which is not run); the branch refs/convert/parquet (configurations: BQ, STS-B)\n' +
        '  fix: name a configuration that there is, or files with dataFiles',
    );
  });

  test('without data says what was tried', async () => {
    hub.commit('datasets/org/nothing', { LICENSE: 'MIT' });
    await expect(load('org/nothing')).rejects.toThrow(
      'org/nothing: no data files; tried: data files on main (none); the branch refs/convert/parquet ' +
        '(org/nothing@refs/convert/parquet: not found (404))\n  fix: name a configuration',
    );
    await expect(load('org/gone')).rejects.toThrow(
      'org/gone@main: not found (404)\n  fix: check the name of the dataset',
    );
  });

  test('once loaded is there offline, and is not asked for again', async () => {
    hub.commit('datasets/org/configs', files);
    await load('org/configs', { name: 'STS-B' });
    hub.forget();
    expect(sizes(await load('org/configs', { name: 'STS-B', offline: true }))).toEqual([
      ['train', 5],
      ['validation', 1],
    ]);
    expect(hub.asked).toEqual([]);
    await expect(load('org/configs', { name: 'BQ', offline: true })).rejects.toThrow("no file matches 'bq.csv'");
  });
});

describe('a dataset that is streamed', () => {
  const large = lines(60_000); // 2.1 MB

  test('gives its first 1,000 rows without the rest of the file', async () => {
    hub.commit('datasets/org/large', { 'train.jsonl': large });
    const stream = (await load('org/large', { streaming: true, split: 'train' })).take(1000) as AsyncIterable<Row>;
    hub.forget();
    const rows = await rowsOf(stream);
    expect(rows).toHaveLength(1000);
    expect(rows[999]).toEqual({ text: '文本 999', label: 999 });
    expect(sourceOf(rows[999] as Row)).toBe('org/large@main/train.jsonl:1000');
    expect(hub.sent).toBeLessThan(1_000_000);
  });

  test('of Parquet asks for a footer and the pages of the columns that are wanted', async () => {
    hub.commit('datasets/org/parquet', { 'train.parquet': fixture('none.parquet') });
    const stream = (await load('org/parquet', {
      streaming: true,
      split: 'train',
      columns: ['label'],
    })) as AsyncIterable<Row>;
    expect(await rowsOf(stream)).toHaveLength(150);
    const ranges = hub.asked.filter(({ host, range }) => host === 'cdn' && range).map(({ range }) => range);
    expect(ranges).toHaveLength(1 + 3); // three row groups
    await expect(
      rowsOf((await load('org/parquet', { streaming: true, split: 'train', columns: ['z'] })) as AsyncIterable<Row>),
    ).rejects.toThrow("org/parquet@main/train.parquet: no column 'z'");
  });

  test('is whole though connections drop, and goes on elsewhere where it was', async () => {
    hub.commit('datasets/org/large', { 'train.jsonl': large });
    const open = async () => {
      const stream = await load('org/large', { streaming: true, split: 'train' });
      return stream as Extract<typeof stream, { shuffle(options: { seed: number }): unknown; state(): unknown }>;
    };
    const whole = (await open()) as unknown as import('../datasets/iterable-dataset.ts').IterableDataset;
    hub.fail('/blob/', { dropAfter: 500_000 }, { truncateAfter: 300_000 }, { status: 503 });
    const labels = (await rowsOf(whole)).map(({ label }) => label);
    expect(labels).toEqual(Array.from({ length: 60_000 }, (_, i) => i));

    const first = whole[Symbol.asyncIterator]();
    await first.take(31_234);
    const state = JSON.parse(JSON.stringify(first.state()));
    await first.return();
    hub.forget();
    const rest = await rowsOf(((await open()) as unknown as typeof whole).resume(state));
    expect(rest[0]).toEqual({ text: '文本 31234', label: 31_234 });
    expect(rest).toHaveLength(60_000 - 31_234);
    expect(hub.asked.find(({ host }) => host === 'cdn')?.range).not.toMatch(/^bytes=0-/);
  });
});
