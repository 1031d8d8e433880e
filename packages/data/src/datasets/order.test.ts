/** The order of rows, against fixtures/data/generate_order.py (Python's `datasets` 5.2). */

import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Row } from '../records/records.ts';
import { STOPPING_STRATEGIES } from '../stream/combine.ts';
import { concatenateDatasets, interleaveDatasets } from './combine.ts';
import { Dataset } from './dataset.ts';
import { IterableDataset } from './iterable-dataset.ts';

const golden = JSON.parse(readFileSync(new URL('../../../../fixtures/data/order.json', import.meta.url), 'utf8'));
const SIZES: number[] = golden.sizes;
const WHOLE = 50;

const table = (n: number) => Dataset.fromRows(Array.from({ length: n }, (_, i) => ({ i })));
const stream = (n: number, numShards = 1) => table(n).toIterableDataset({ numShards });
const generated = (n: number) => IterableDataset.fromGenerator(() => table(n));

async function told(rows: AsyncIterable<Row>) {
  const order: number[] = [];
  for await (const { i } of rows) order.push(i as number);
  if (order.length <= WHOLE) return order;
  const sha256 = createHash('sha256').update(order.join(',')).digest('hex');
  return { rows: order.length, first: order.slice(0, 5), sha256 };
}

const PARTS = [
  [40, 2],
  [75, 3],
  [18, 4],
] as const;
const shifted = (k: number) => (row: Row) => ({ i: (row.i as number) + 1000 * k });
const streams = () => PARTS.map(([n, shards], k) => stream(n, shards).map(shifted(k)));
const tables = () => PARTS.map(([n], k) => table(n).map(shifted(k)));

const folder = mkdtempSync(join(tmpdir(), 'uniem-order-'));
afterAll(() => rmSync(folder, { recursive: true }));
const files = Array.from({ length: 12 }, (_, k) => {
  const path = join(folder, `part-${String(k).padStart(2, '0')}.jsonl`);
  const rows = Array.from({ length: 5 + 7 * (k % 4) }, (_, j) => JSON.stringify({ i: 100 * k + j }));
  writeFileSync(path, `${rows.join('\n')}\n`);
  return path;
});

describe('the rows datasets gives', () => {
  for (const { seed, shuffle, split, buffered, tables, files: ofFiles } of golden.seeds) {
    test(`from seed ${seed}, of five sizes`, async () => {
      for (const [k, n] of SIZES.entries()) {
        expect(await told(table(n).shuffle({ seed })), `shuffle of ${n}`).toEqual(shuffle[k]);
        expect(await told(generated(n).shuffle({ seed, bufferSize: 64 })), `buffered, ${n} rows`).toEqual(buffered[k]);
        expect(await told(stream(n).shuffle({ seed, bufferSize: 64 })), `buffered, a table of ${n}`).toEqual(tables[k]);
        if (k === 0) continue; // one row does not split
        const { train, test } = table(n).trainTestSplit({ testSize: 0.3, seed });
        expect({ train: await told(train), test: await told(test) }, `split of ${n}`).toEqual(split[k - 1]);
      }
      for (const [k, bufferSize] of [1, 10, 64, 1000].entries()) {
        const shuffled = IterableDataset.fromFiles(files).shuffle({ seed, bufferSize });
        expect(await told(shuffled), `files through ${bufferSize}`).toEqual(ofFiles[k]);
      }
    });
  }

  const small = { seed: 3, bufferSize: 25 };
  const shards = () => stream(200, 12);
  const cases: Record<string, () => AsyncIterable<Row>> = {
    'default buffer': () => stream(5000).shuffle({ seed: 3 }),
    'tables, buffer 25': () => stream(200).shuffle(small),
    'rows, buffer 25': () => generated(200).shuffle(small),
    'three shards': () => stream(200, 3).shuffle(small),
    'twelve shards': () => shards().shuffle(small),
    'twelve shards, mapped': () =>
      shards()
        .map((row) => row)
        .shuffle(small),
    'twelve shards, filtered': () =>
      shards()
        .filter(({ i }) => (i as number) % 3 === 0)
        .shuffle(small),
    'twelve shards, two at a time': () => shards().shuffle({ ...small, maxBufferInputShards: 2 }),
    'twelve shards, one at a time': () => shards().shuffle({ ...small, maxBufferInputShards: 1 }),
    'twelve shards, selected': () => shards().selectColumns(['i']).shuffle(small),
    'twelve shards, taken': () => shards().take(90).shuffle(small),
    'twelve shards, skipped': () => shards().skip(90).shuffle(small),
    'shuffled, skipped, taken': () => stream(200, 3).shuffle(small).skip(30).take(40),
    repeated: () => stream(30, 2).repeat(3).shuffle(small),
    'shuffled twice': () => stream(200, 3).shuffle(small).shuffle({ seed: 4, bufferSize: 10 }),
    'shard 1 of 3': () => shards().shard({ count: 3, index: 1 }),
    'shard 1 of 3, apart': () => shards().shard({ count: 3, index: 1, contiguous: false }),
    'shard 2 of 5': () => shards().shard({ count: 5, index: 2 }),
    'node 1 of 3': () => shards().splitByNode({ rank: 1, worldSize: 3 }),
    'node 2 of 5': () => shards().splitByNode({ rank: 2, worldSize: 5 }),
    concatenated: () => concatenateDatasets(streams()),
    'concatenated, shuffled': () => concatenateDatasets(streams()).shuffle(small),
    'table shard 1 of 3': () => table(50).shard({ count: 3, index: 1 }),
    'table shard 1 of 3, apart': () => table(50).shard({ count: 3, index: 1, contiguous: false }),
    'sizes, train 0.4': () => table(50).trainTestSplit({ trainSize: 0.4, seed: 3 }).train,
    'sizes, train 20, test 5': () => table(50).trainTestSplit({ trainSize: 20, testSize: 5, seed: 3 }).test,
    'sizes, in order': () => table(50).trainTestSplit({ testSize: 0.3, shuffle: false }).test,
  };
  const chance = { probabilities: [0.5, 0.2, 0.3], seed: 5 };
  for (const stoppingStrategy of STOPPING_STRATEGIES) {
    const inTurn = { stoppingStrategy };
    const byChance = { stoppingStrategy, ...chance };
    cases[`streams in turn, ${stoppingStrategy}`] = () => interleaveDatasets(streams(), inTurn);
    cases[`tables in turn, ${stoppingStrategy}`] = () => interleaveDatasets(tables(), inTurn);
    cases[`streams by chance, ${stoppingStrategy}`] = () => interleaveDatasets(streams(), byChance);
    cases[`tables by chance, ${stoppingStrategy}`] = () => interleaveDatasets(tables(), byChance);
    cases[`streams by chance, ${stoppingStrategy}, shuffled`] = () =>
      interleaveDatasets(streams(), byChance).shuffle(small);
  }

  test.each(Object.entries(cases))('%s', async (name, dataset) => {
    expect(golden.cases).toHaveProperty([name]);
    expect(await told(dataset())).toEqual(golden.cases[name]);
  });

  test('every case of the script is checked', () => {
    expect(Object.keys(cases).sort()).toEqual(Object.keys(golden.cases).sort());
  });

  test.each([
    ['twelve shards', () => shards().shuffle(small)],
    ['by chance', () => interleaveDatasets(streams(), chance)],
  ])('%s, in four epochs', async (name, make) => {
    const dataset = make();
    for (const [epoch, expected] of golden.epochs[name].entries()) {
      dataset.setEpoch(epoch);
      expect(await told(dataset), `epoch ${epoch}`).toEqual(expected);
    }
  });
});
