/** Labels that are numbers of classes: fixtures/data/generate_classes.py, and a README of the hub. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';

import { HubServer } from '../../../../fixtures/hub/server.ts';
import type { Dataset } from '../datasets/dataset.ts';
import { UnusedOptionError } from '../readers/formats.ts';
import { type LoadOptions, loadDataset } from './load.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../../../../fixtures/data/files/${name}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-classes-'));
afterAll(() => rmSync(folder, { recursive: true }));

const labelMap = { entailment: 1, neutral: 0.5, contradiction: 0 };

async function labels(path: string, options: LoadOptions): Promise<unknown[]> {
  const found: unknown[] = [];
  const loaded = await loadDataset(path, { ...options, split: 'train' });
  for await (const { label } of loaded) found.push(label);
  return found;
}

const INFO = `---
dataset_info:
  features:
  - name: text
    dtype: string
  - name: label
    dtype:
      class_label:
        names:
          '0': entailment
          '1': neutral
          '2': contradiction
---
`;

describe.each([{ streaming: false }, { streaming: true }])('with %j', (options) => {
  test.each(['classes.parquet', 'classes'])(
    'the names in the metadata of %s are looked up in the map',
    async (name) => {
      expect(await labels(fixture(name), options)).toEqual([0, 1, 2]);
      expect(await labels(fixture(name), { ...options, labelMap })).toEqual([1, 0.5, 0]);
      await expect(labels(fixture(name), { ...options, labelMap: { entailment: 1 } })).rejects.toThrow(
        'label is 1 (neutral), which is not in the label map\n  fix: add it, as --label-map neutral=1',
      );
    },
  );

  test("a folder's README.md names them for files that cannot", async () => {
    const path = join(folder, `local-${options.streaming}`);
    mkdirSync(path);
    writeFileSync(join(path, 'README.md'), INFO);
    writeFileSync(join(path, 'train.jsonl'), '{"text":"a","label":0}\n{"text":"b","label":2}\n');
    expect(await labels(path, { ...options, labelMap })).toEqual([1, 0]);
  });

  test("a hub dataset's README.md too", async () => {
    const hub = await HubServer.start();
    try {
      hub.commit('datasets/o/nli', { 'README.md': INFO, 'train.csv': 'text,label\na,1\nb,2\n' });
      const cacheDir = join(folder, `cache-${options.streaming}`);
      const given = { ...options, labelMap, token: false as const, hub: { endpoint: hub.endpoint, cacheDir } };
      expect(await labels('o/nli', given)).toEqual([0.5, 0]);
    } finally {
      await hub.stop();
    }
  });
});

describe('options of formats', () => {
  test.each<[LoadOptions, string]>([
    [{ delimiter: ';' }, 'delimiter applies to CSV, TSV and .txt files, and there are none here'],
    [{ columnNames: ['a'] }, 'columnNames applies to CSV, TSV and .txt files, and there are none here'],
    [{ field: 'data' }, 'field applies to .json files, and there are none here'],
    [{ encoding: 'gbk' }, 'encoding applies to text files, and there are none here'],
  ])('%j is refused where no file has a use for it', async (options, message) => {
    const loading = loadDataset(fixture('classes.parquet'), options);
    await expect(loading).rejects.toThrow(`${fixture('classes.parquet')}: ${message}\n  fix: leave it out`);
    await expect(loading).rejects.toBeInstanceOf(UnusedOptionError);
  });

  test('a folder of .txt files is data where there is nothing else', async () => {
    const path = join(folder, 'lcqmc');
    mkdirSync(path);
    for (const name of ['train.txt', 'dev.txt', 'README.txt']) writeFileSync(join(path, name), 'a\tb\t1\n');
    const columnNames = ['sentence1', 'sentence2', 'label'];
    const loaded = (await loadDataset(path, { columnNames })) as Record<string, Dataset>;
    expect(Object.keys(loaded)).toEqual(['train', 'dev']);
    expect([...(loaded.train as Dataset)]).toEqual([{ sentence1: 'a', sentence2: 'b', label: 1 }]);
    writeFileSync(join(path, 'train.jsonl'), '{"text":"a"}\n');
    expect(Object.keys(await loadDataset(path))).toEqual(['train']);
  });
});
