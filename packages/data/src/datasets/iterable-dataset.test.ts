import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { sourceOf } from '../records/provenance.ts';
import type { Row } from '../records/records.ts';
import { concatenateDatasets, interleaveDatasets } from './combine.ts';
import { Dataset } from './dataset.ts';
import { IterableDataset } from './iterable-dataset.ts';

const folder = mkdtempSync(join(tmpdir(), 'uniem-stream-'));
afterAll(() => rmSync(folder, { recursive: true }));

const fixture = (name: string) => fileURLToPath(new URL(`../../../../fixtures/data/files/${name}`, import.meta.url));
const file = (name: string, content: string | Buffer) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const rowsOf = (n: number, from = 0) =>
  Array.from({ length: n }, (_, i) => ({ i: i + from, text: `text ${i + from}` }));
const lines = (n: number, from = 0) =>
  `${rowsOf(n, from)
    .map((row) => JSON.stringify(row))
    .join('\n')}\n`;
const numbers = async (dataset: AsyncIterable<Row>) => {
  const all: unknown[] = [];
  for await (const { i } of dataset) all.push(i);
  return all;
};

const csv = `i,text\n${rowsOf(40, 200)
  .map(({ i, text }) => `${i},"${text}"\n`)
  .join('')}`;
const FILES = [
  file('a.jsonl', lines(30)),
  file('b.jsonl.gz', gzipSync(lines(25, 100))),
  file('c.csv', csv),
  file('d.json', JSON.stringify(rowsOf(20, 300))),
];
const generated = (n: number, from = 0) => IterableDataset.fromGenerator(() => rowsOf(n, from));
const files = () => IterableDataset.fromFiles(FILES);
const shuffled = { seed: 7, bufferSize: 16 };

/** Pipelines of every step, alone and within others. */
const PIPELINES: Record<string, () => IterableDataset> = {
  files,
  'parquet and arrow': () =>
    IterableDataset.fromFiles([fixture('snappy.parquet'), fixture('lz4.arrow')], { columns: ['label'] }).map(
      ({ label }) => ({ i: label }),
    ),
  generator: () => generated(30),
  rows: () => Dataset.fromRows(rowsOf(300)).toIterableDataset({ numShards: 3 }),
  map: () => files().map((row, index) => ({ i: `${row.i}/${index}` })),
  filter: () => files().filter(({ i }, index) => (Number(i) + index) % 3 > 0),
  columns: () => files().selectColumns(['i']).renameColumns({ i: 'j' }).renameColumn('j', 'i'),
  take: () => files().take(70),
  skip: () => files().skip(41),
  repeat: () => generated(7).repeat(3),
  shuffle: () => files().shuffle(shuffled),
  'shuffle of rows': () => generated(90).shuffle(shuffled),
  'shuffle of shuffle': () => files().shuffle(shuffled).shuffle({ seed: 1, bufferSize: 5 }),
  concatenate: () => concatenateDatasets([generated(10), files().shuffle(shuffled)]),
  'interleave in turn': () => interleaveDatasets([files(), generated(30, 900)], { stoppingStrategy: 'all_exhausted' }),
  'interleave by chance': () =>
    interleaveDatasets([files().shuffle(shuffled), generated(60, 900)], { probabilities: [0.7, 0.3], seed: 5 }),
  'shuffle of interleave': () =>
    interleaveDatasets([files(), generated(60, 900)], {
      probabilities: [0.5, 0.5],
      seed: 5,
      stoppingStrategy: 'all_exhausted_without_replacement',
    })
      .shuffle(shuffled)
      .map(({ i }) => ({ i: -Number(i) }))
      .take(150),
  'one machine of three': () => files().splitByNode({ rank: 1, worldSize: 3 }).shuffle(shuffled),
  'second epoch': () => {
    const dataset = files().shuffle(shuffled);
    dataset.setEpoch(2);
    return dataset;
  },
};

describe('an interrupted stream', () => {
  test.each(Object.entries(PIPELINES))('%s goes on at the next row', async (_, make) => {
    const all = await numbers(make());
    expect(all.length).toBeGreaterThan(20);
    const cuts = new Set([0, 1, 2, 15, 16, 17, all.length - 1, all.length, ...all.keys()].filter((cut) => cut % 7 < 2));
    for (const cut of [...cuts, all.length]) {
      const dataset = make();
      const before: unknown[] = [];
      if (cut > 0) {
        for await (const { i } of dataset) {
          before.push(i);
          if (before.length === cut) break;
        }
      }
      const state = JSON.parse(JSON.stringify(dataset.state()));
      expect([...before, ...(await numbers(make().resume(state)))], `cut after ${cut}`).toEqual(all);
    }
  });

  test('can be interrupted again, and again', async () => {
    const make = PIPELINES['shuffle of interleave'] as () => IterableDataset;
    const all = await numbers(make());
    const given: unknown[] = [];
    for (let dataset = make(); given.length < all.length; ) {
      const stream = dataset[Symbol.asyncIterator]();
      for (const { i } of await stream.take(11)) given.push(i);
      dataset = make().resume(JSON.parse(JSON.stringify(stream.state())));
    }
    expect(given).toEqual(all);
  });

  test('keeps what JSON cannot say, and where rows were read', async () => {
    const rows = [{ a: 3n, b: Number.NaN, c: new Date(0), d: new Uint8Array([1, 2]), e: [undefined] }, { a: 1 }];
    const make = () => IterableDataset.fromGenerator(() => rows).shuffle({ seed: 0, bufferSize: 2 });
    const dataset = make();
    const stream = dataset[Symbol.asyncIterator]();
    const first = await stream.next();
    const state = JSON.parse(JSON.stringify(stream.state()));
    const rest: Row[] = [];
    for await (const row of make().resume(state)) rest.push(row);
    expect([first.value, ...rest]).toEqual(expect.arrayContaining(rows));
    expect(rest).toHaveLength(1);
    const ofFiles = files().shuffle(shuffled);
    await ofFiles[Symbol.asyncIterator]().next();
    for await (const row of files().shuffle(shuffled).resume(ofFiles.state())) expect(sourceOf(row)).toContain(folder);
  });

  test('refuses a state of other steps', () => {
    expect(() => files().take(3).resume(files().shuffle(shuffled).state())).toThrow(
      'resume: the state is of shuffle 16(files), the dataset is take 3(files)\n  fix: build the dataset as it was',
    );
  });
});

describe('IterableDataset', () => {
  test('a pass that is left early closes its files; another pass begins anew', async () => {
    const dataset = files();
    for await (const { i } of dataset) {
      expect(i).toBe(0);
      break;
    }
    expect((await numbers(dataset)).length).toBe(115);
  });

  test('reads no more than it gives', async () => {
    let made = 0;
    function* endless() {
      for (;;) yield { i: made++ };
    }
    const dataset = IterableDataset.fromGenerator(endless).shuffle({ seed: 0, bufferSize: 10 }).take(3);
    expect(await numbers(dataset)).toHaveLength(3);
    expect(made).toBeLessThanOrEqual(10);
  });

  test('map puts what it is given over the row, async too, and keeps its source', async () => {
    const mapped = IterableDataset.fromFiles([FILES[0] as string])
      .map(async ({ text }) => ({ length: String(text).length }), { removeColumns: ['text'] })
      .take(1);
    for await (const row of mapped) {
      expect(row).toEqual({ i: 0, length: 6 });
      expect(sourceOf(row)).toBe(`${FILES[0]}:1`);
    }
  });

  test('columns that are not there are named with file and line', async () => {
    const message = `${FILES[0]}:1: no column 'z'\n  fix: name one of {i, text}`;
    await expect(numbers(files().selectColumns(['z']))).rejects.toThrow(message);
    await expect(numbers(files().removeColumns(['z']))).rejects.toThrow(message);
    await expect(numbers(files().renameColumn('z', 'y'))).rejects.toThrow(message);
    await expect(numbers(files().renameColumn('i', 'text'))).rejects.toThrow(
      `${FILES[0]}:1: two columns of one name: {text, text}`,
    );
  });

  test.each([
    ['take', () => files().take(-1), 'take: -1 is no number of rows\n  fix: give a whole number from 0 on'],
    ['skip', () => files().skip(1.5), 'skip: 1.5 is no number of rows'],
    [
      'shuffle',
      () => files().shuffle({ seed: 0, bufferSize: 0 }),
      'bufferSize: must be a whole number above 0 (received 0)\n  fix: give a whole number above 0',
    ],
    ['a seed', () => files().shuffle({ seed: -1 }), 'seed: must be a whole number of at least 0 (received -1)'],
    ['shard', () => files().shard({ count: 5, index: 0 }), 'shard: 5 parts of 4 shards\n  fix: use splitByNode'],
    [
      'a shard that is not there',
      () => files().shard({ count: 2, index: 2 }),
      'shard: no shard 2 of 2\n  fix: count shards from 0',
    ],
    [
      'a rank',
      () => files().splitByNode({ rank: 3, worldSize: 3 }),
      'splitByNode: no rank 3 of 3\n  fix: count ranks from 0',
    ],
    ['nothing to join', () => concatenateDatasets([]), 'concatenateDatasets: no datasets\n  fix: give at least one'],
    [
      'a mixture',
      () => interleaveDatasets([files(), Dataset.fromRows([])] as IterableDataset[]),
      'interleaveDatasets: 1 streams among 2 datasets\n  fix: make all of them streams',
    ],
    [
      'probabilities',
      () => interleaveDatasets([files(), files()], { probabilities: [0.5, 0.6], seed: 0 }),
      'probabilities are [0.5, 0.6] for 2 datasets\n  fix: give one',
    ],
    [
      'no seed',
      () => interleaveDatasets([files(), files()], { probabilities: [0.5, 0.5] }),
      'interleaveDatasets: no seed\n  fix: give a seed with probabilities',
    ],
  ])('refuses %s that makes no sense', (_, make, message) => {
    expect(make).toThrow(message);
  });

  test('bad records stop it, or are skipped, counted once and named', async () => {
    const path = file('bad.jsonl', `${lines(2)}nope\n${lines(2, 2)}[]\n`);
    await expect(numbers(IterableDataset.fromFiles([path]))).rejects.toThrow(`${path}:3: not JSON`);
    const warnings: string[] = [];
    const listen = (warning: Error) => warnings.push(warning.message);
    process.on('warning', listen);
    const dataset = IterableDataset.fromFiles([path], { onBadRecord: 'skip' });
    for (let pass = 0; pass < 2; pass++) expect(await numbers(dataset)).toEqual([0, 1, 2, 3]);
    await new Promise(setImmediate);
    process.off('warning', listen);
    expect(dataset.skipped?.count).toBe(2);
    expect(warnings).toEqual([dataset.skipped?.report()]);
    expect(warnings[0]).toContain(`skipped 2 bad records:\n  ${path}:3: not JSON`);
  });
});
