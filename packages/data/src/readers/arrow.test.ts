/** Files by fixtures/data/generate_files.py (pyarrow, datasets); rows.json holds their rows. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

import { type ByteSource, LocalFile, MemoryFile } from '../bytes.ts';
import { sourceOf } from '../records/provenance.ts';
import type { Row } from '../records/records.ts';
import { arrowBlocks } from './arrow.ts';
import { decodeLz4Frame } from './lz4-frame.ts';
import type { ReadOptions } from './reader.ts';

const path = (name: string) => fileURLToPath(new URL(`../../../../fixtures/data/files/${name}`, import.meta.url));
const expected: Row[] = JSON.parse(readFileSync(path('rows.json'), 'utf8')).map((row: Row) => ({
  ...row,
  day: new Date(row.day as string),
}));

async function read(file: ByteSource, options?: ReadOptions): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const block of arrowBlocks(file, options)) rows.push(...block.rows);
  return rows;
}

describe('arrowBlocks', () => {
  test.each(['stream', 'file', 'lz4', 'zstd', 'large'])('reads %s.arrow', async (name) => {
    const rows = await read(new LocalFile(path(`${name}.arrow`)));
    expect(rows).toEqual(expected);
    expect(sourceOf(rows[149] as Row)).toBe(`${path(`${name}.arrow`)}, row 150`);
  });

  test('picks columns in the order asked', async () => {
    const rows = await read(new LocalFile(path('file.arrow')), { columns: ['neg', 'label'] });
    expect(rows).toEqual(expected.map(({ neg, label }) => ({ neg, label })));
    await expect(read(new LocalFile(path('file.arrow')), { columns: ['z'] })).rejects.toThrow("no column 'z'");
  });

  test('goes on from the position of any block', async () => {
    const file = new LocalFile(path('lz4.arrow'));
    let done = 0;
    for await (const { rows, next } of arrowBlocks(file)) {
      done += rows.length;
      const after: Row[] = [];
      for await (const block of arrowBlocks(file, {}, JSON.parse(JSON.stringify(next)))) after.push(...block.rows);
      expect(after).toEqual(expected.slice(done));
      if (after[0]) expect(sourceOf(after[0])).toMatch(new RegExp(`, row ${done + 1}$`));
    }
  });

  test.each([
    [
      'a cut stream',
      'stream.arrow',
      (bytes: Buffer) => bytes.subarray(0, 20_000),
      /^stream.arrow: record batch 3 is damaged/,
    ],
    [
      'a torn compression',
      'lz4.arrow',
      (bytes: Buffer) => bytes.fill(0xff, 4000, 6000),
      /^lz4.arrow: record batch \d is damaged/,
    ],
    [
      'another file',
      'stream.arrow',
      () => Buffer.from('{"text": "a"}\n'),
      /^stream.arrow: record batch 1 is damaged, or no Arrow/,
    ],
    [
      'an empty file',
      'stream.arrow',
      () => Buffer.alloc(0),
      /^stream.arrow: no Arrow file: it has fewer than 8 bytes\n {2}fix/,
    ],
  ])('%s is an error', async (_, name, edit, message) => {
    await expect(read(new MemoryFile(name, edit(readFileSync(path(name)))))).rejects.toThrow(message);
  });
});

test('a text that is not UTF-8 names its rows', async () => {
  const bytes = readFileSync(path('stream.arrow'));
  bytes[bytes.indexOf('row 2') - 2] = 0xe9;
  await expect(read(new MemoryFile('stream.arrow', bytes))).rejects.toThrow(
    'stream.arrow, row 1 to 40: column text is not valid UTF-8\n  fix: write the file again from valid text',
  );
});

describe('decodeLz4Frame', () => {
  test('refuses what is no whole frame', () => {
    expect(() => decodeLz4Frame(Buffer.alloc(16))).toThrow('no LZ4 frame');
    const cut = Buffer.from('04224d1860408205000000', 'hex');
    expect(() => decodeLz4Frame(cut)).toThrow('the LZ4 frame is cut');
  });
});
