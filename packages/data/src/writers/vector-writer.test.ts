/** Files of vectors: what other readers find in them, and the bytes of a run that was broken off. */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { tableFromIPC } from 'apache-arrow';
import { afterAll, describe, expect, test } from 'vitest';

import { IterableDataset } from '../datasets/iterable-dataset.ts';
import { NpyFile } from '../readers/npy.ts';
import type { Row } from '../records/records.ts';
import type { VectorBlock, VectorType, VectorValues } from './vector-format.ts';
import { VECTOR_FILES, VectorWriter } from './vector-writer.ts';

const folder = mkdtempSync(join(tmpdir(), 'uniem-vectors-'));
afterAll(() => rmSync(folder, { recursive: true }));

const D = 5;
const SIZES = [7, 7, 7, 4];
const COLUMNS = ['id', 'text'];

function values(type: VectorType, count: number): VectorValues {
  const numbers = Array.from({ length: count }, (_, i) => Math.sin(i * 12.9898));
  if (type === 'float32') return Float32Array.from(numbers);
  if (type === 'float16') return Uint16Array.from(numbers, (_, i) => (i * 2654435761) & 0x3bff); // all kinds of halves
  if (type === 'int8') return Int8Array.from(numbers, (x) => Math.floor(x * 128));
  return Uint8Array.from(numbers, (x) => Math.floor((x + 1) * 128));
}

function blocksOf(type: VectorType, columns: readonly string[]): VectorBlock[] {
  const total = SIZES.reduce((sum, size) => sum + size, 0);
  const all = values(type, total * D);
  let row = 0;
  return SIZES.map((size) => {
    const vectors = all.subarray(row * D, (row + size) * D) as VectorValues;
    const rows = Array.from({ length: size }, (): Row => {
      const full: Row = { id: row, text: row % 3 === 0 ? null : `汉字 ${row}` };
      row += 1;
      return Object.fromEntries(columns.map((name) => [name, full[name]]));
    });
    return { rows, vectors };
  });
}

interface Case {
  extension: string;
  type: VectorType;
}

const CASES: Case[] = VECTOR_FILES.flatMap((extension) =>
  (['float32', 'float16', 'int8', 'uint8'] as const).map((type) => ({ extension, type })),
);

const columnsOf = (extension: string) => (extension === '.npy' ? [] : COLUMNS);

async function write({ extension, type }: Case, name: string): Promise<string> {
  const path = join(folder, `${name}-${type}${extension}`);
  const columns = columnsOf(extension);
  const writer = (await VectorWriter.open(path, { type, dimension: D, columns })) as VectorWriter;
  for (const block of blocksOf(type, columns)) await writer.write(block);
  await writer.finish();
  return path;
}

/** The numbers a type's array means. */
function meant(type: VectorType, array: VectorValues): number[] {
  if (type !== 'float16') return [...array];
  const view = new DataView(new ArrayBuffer(4));
  return Array.from(array, (half) => {
    const exponent = (half >> 10) & 31;
    if (exponent === 0) return (half & 1023) * 2 ** -24; // the cases have no sign
    view.setUint32(0, ((exponent + 112) << 23) | ((half & 1023) << 13));
    return view.getFloat32(0);
  });
}

async function rowsOf(path: string): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of IterableDataset.fromFiles([path])) rows.push(row);
  return rows;
}

describe.each(CASES)('$type in $extension', (given) => {
  const { extension, type } = given;

  test('is read back, the columns beside it', async () => {
    const path = await write(given, 'whole');
    const all = meant(type, values(type, 25 * D));
    if (extension === '.npy') {
      const file = await NpyFile.open(path);
      expect([file.length, file.dimension, file.type]).toEqual([25, D, type]);
      expect([...(await file.read(3, 20))]).toEqual(all.slice(3 * D, 20 * D));
      await file.close();
      return;
    }
    const expected = blocksOf(type, COLUMNS)
      .flatMap(({ rows }) => rows)
      .map((row, i) => ({ ...row, embedding: all.slice(i * D, (i + 1) * D) }));
    expect(await rowsOf(path)).toEqual(expected);
  });

  test('has the same bytes after a run that was broken off', async () => {
    const whole = readFileSync(await write(given, 'whole'));
    const path = join(folder, `broken-${type}${extension}`);
    const columns = columnsOf(extension);
    const blocks = blocksOf(type, columns);
    const options = { type, dimension: D, columns, run: { model: 'm' } };
    for (let done = 0; done < blocks.length; ) {
      const writer = (await VectorWriter.open(path, { ...options, resume: true })) as VectorWriter;
      expect(writer.rows).toBe(SIZES.slice(0, done).reduce((sum, size) => sum + size, 0));
      await writer.write(blocks[done] as VectorBlock);
      expect(await writer.abandon()).toBe(true);
      await appendFile(`${path}.partial`, 'half a block'); // what a kill leaves behind the last note
      done += 1;
    }
    const last = (await VectorWriter.open(path, { ...options, resume: true })) as VectorWriter;
    await last.finish();
    expect(readFileSync(path).equals(whole)).toBe(true);
    expect(readdirSync(folder).filter((name) => name.includes('partial'))).toEqual([]);
  });
});

test("apache-arrow's own reader finds a fixed-size list", async () => {
  const path = await write({ extension: '.arrow', type: 'float32' }, 'library');
  const table = tableFromIPC(readFileSync(path)); // by the footer, where our reader goes by the messages
  expect(String(table.schema.fields.at(-1)?.type)).toBe('FixedSizeList[5]<Float32>');
  expect(table.numRows).toBe(25);
  expect(table.batches.map(({ numRows }) => numRows)).toEqual(SIZES);
});

test.each(VECTOR_FILES)('no vectors at all in %s', async (extension) => {
  const path = join(folder, `none${extension}`);
  const writer = (await VectorWriter.open(path, { type: 'float32', dimension: D, columns: [] })) as VectorWriter;
  await writer.finish();
  if (extension === '.npy') expect((await NpyFile.open(path)).length).toBe(0);
  else expect(await rowsOf(path)).toEqual([]);
});

test('the bytes of .npy are numpy.save’s', async () => {
  const path = join(folder, 'numpy.npy');
  const writer = (await VectorWriter.open(path, { type: 'float32', dimension: 2, columns: [] })) as VectorWriter;
  await writer.write({ rows: [{}, {}], vectors: Float32Array.of(1, 2, 3, 4) });
  await writer.finish();
  // numpy.save(path, numpy.array([[1, 2], [3, 4]], dtype='<f4')), NumPy 2.4.6
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }";
  const expected = `934e554d505901007600${Buffer.from(`${header.padEnd(117)}\n`).toString('hex')}0000803f000000400000404000008040`;
  expect(readFileSync(path).toString('hex')).toBe(expected);
});

describe('a run that cannot go on', () => {
  const options = { type: 'float32', dimension: 1, columns: [], run: { model: 'm', data: 'd' } } as const;
  const block = { rows: [{}], vectors: Float32Array.of(1) };

  test('of other options', async () => {
    const path = join(folder, 'other.npy');
    const writer = (await VectorWriter.open(path, options)) as VectorWriter;
    await writer.write(block);
    await writer.abandon();
    const again = VectorWriter.open(path, { ...options, resume: true, run: { model: 'n', data: 'd' } });
    await expect(again).rejects.toThrow(
      'resume: model was "m" and is "n" now\n  fix: give the options of the interrupted run, or leave resume out to begin anew',
    );
    truncateSync(`${path}.partial`, 3);
    await expect(VectorWriter.open(path, { ...options, resume: true })).rejects.toThrow(
      'has 3 bytes, and its journal counts 132\n  fix: leave resume out to begin anew',
    );
    const anew = (await VectorWriter.open(path, options)) as VectorWriter;
    expect(anew.rows).toBe(0);
    await anew.finish();
  });

  test('beside another process', async () => {
    const path = join(folder, 'twice.npy');
    const writer = (await VectorWriter.open(path, options)) as VectorWriter;
    await expect(VectorWriter.open(path, options)).rejects.toThrow(`process ${process.pid} on `);
    await writer.finish();
    writeFileSync(`${path}.partial.lock`, '999999999 nobody'); // another machine's: not for us to judge
    await expect(VectorWriter.open(path, options)).rejects.toThrow('process 999999999 on nobody is writing it');
  });

  test('of which only the name was missing', async () => {
    const path = join(folder, 'named.npy');
    const writer = (await VectorWriter.open(path, options)) as VectorWriter;
    await writer.write(block);
    await writer.finish();
    const whole = { run: { ...options.run, type: 'float32', dimension: 1, columns: [] }, bytes: 132, whole: true };
    writeFileSync(`${path}.partial.json`, JSON.stringify(whole)); // killed after the renaming
    expect(await VectorWriter.open(path, { ...options, resume: true })).toBeUndefined();
    expect(existsSync(`${path}.partial.json`)).toBe(false);
    expect((await NpyFile.open(path)).length).toBe(1);
  });

  test('that noted nothing leaves nothing', async () => {
    const path = join(folder, 'nothing.npy');
    const writer = (await VectorWriter.open(path, options)) as VectorWriter;
    expect(await writer.abandon()).toBe(false);
    expect(readdirSync(folder).filter((name) => name.startsWith('nothing'))).toEqual([]);
  });
});

test.each([
  ['a.csv', [], 'a.csv: not a kind of file that vectors are written to\n  fix: name it .npy, .jsonl, .parquet, .arrow'],
  ['a.npy', ['id'], 'a.npy: .npy has no place for columns (id)\n  fix: write .jsonl'],
  ['a.jsonl', ['embedding'], "a.jsonl: a column is named embedding, as the vectors'\n  fix: rename it"],
])('%s with columns %j is refused', async (path, columns, message) => {
  await expect(VectorWriter.open(path, { type: 'float32', dimension: 1, columns })).rejects.toThrow(message);
});
