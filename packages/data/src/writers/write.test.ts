import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';

import { Dataset } from '../datasets/dataset.ts';
import { IterableDataset } from '../datasets/iterable-dataset.ts';
import type { Row } from '../records/records.ts';

const folder = mkdtempSync(join(tmpdir(), 'uniem-write-'));
afterAll(() => rmSync(folder, { recursive: true }));

const rows = Array.from({ length: 12_000 }, (_, i) => ({
  text: i % 5 === 0 ? null : `汉字 ${i}`,
  label: i - 3,
  score: i / 4,
  yes: i % 2 === 0,
  neg: i % 7 === 0 ? [] : [`n${i}`, null],
  query: [['instruction', `text ${i}`]],
  meta: { task: `t${i % 3}`, ids: [i, 2] },
}));

async function back(path: string): Promise<Row[]> {
  const read: Row[] = [];
  for await (const row of IterableDataset.fromFiles([path])) read.push(row);
  return read;
}

describe('toParquet', () => {
  test('writes what the reader reads', async () => {
    const path = join(folder, 'a.parquet');
    await Dataset.fromRows(rows).toParquet(path);
    expect(await back(path)).toEqual(rows);
  });

  test('a stream, its whole numbers as numbers, columns that a row lacks as null', async () => {
    const path = join(folder, 'b.parquet');
    await IterableDataset.fromGenerator(() => [{ a: 1n, b: 'x' }, { a: 2n ** 60n }]).toParquet(path);
    expect(await back(path)).toEqual([
      { a: 1, b: 'x' },
      { a: 2n ** 60n, b: null },
    ]);
  });

  test.each([
    ['several kinds', [{ a: 1 }, { a: 'x' }], 'toParquet: a has values of several kinds'],
    [
      'a kind that changes',
      [...rows.slice(0, 10_000), { ...rows[0], label: 0.5 }],
      'toParquet: label is 0.5, not of the kind of the rows before\n  fix: map label',
    ],
    [
      'a column that comes late',
      [...rows.slice(0, 10_000), { ...rows[0], late: 1 }],
      "a new column 'late'\n  fix: select",
    ],
  ])('refuses %s and leaves no file', async (_, given, message) => {
    const path = join(folder, 'c.parquet');
    await expect(IterableDataset.fromGenerator(() => given as Row[]).toParquet(path)).rejects.toThrow(message);
    expect(existsSync(path)).toBe(false);
    expect(readdirSync(folder).filter((name) => name.includes('partial'))).toEqual([]);
  });
});

describe('toJsonl', () => {
  test('writes a row a line, in gzip by the name', async () => {
    const plain = join(folder, 'a.jsonl');
    await Dataset.fromRows(rows).toJsonl(plain);
    expect(readFileSync(plain, 'utf8')).toBe(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    await IterableDataset.fromFiles([plain]).take(2).toJsonl(join(folder, 'b.jsonl.gz'));
    expect(gunzipSync(readFileSync(join(folder, 'b.jsonl.gz'))).toString()).toBe(
      `${JSON.stringify(rows[0])}\n${JSON.stringify(rows[1])}\n`,
    );
  });
});
