/** Files by fixtures/data/generate_files.py (pyarrow); rows.json holds their rows. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

import { type ByteSource, LocalFile, MemoryFile } from '../bytes.ts';
import { sourceOf } from '../records/provenance.ts';
import type { Row } from '../records/records.ts';
import { parquetBlocks, parquetInfo } from './parquet.ts';
import type { ReadOptions } from './reader.ts';

const path = (name: string) => fileURLToPath(new URL(`../../../../fixtures/data/files/${name}`, import.meta.url));
const expected: Row[] = JSON.parse(readFileSync(path('rows.json'), 'utf8')).map((row: Row) => ({
  ...row,
  day: new Date(row.day as string),
}));

async function read(file: ByteSource, options?: ReadOptions): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const block of parquetBlocks(file, options)) rows.push(...block.rows);
  return rows;
}

/** Counts the bytes asked for. */
class Counted extends LocalFile {
  bytes = 0;

  override async read(start: number, end: number): Promise<Uint8Array> {
    this.bytes += end - start;
    return super.read(start, end);
  }
}

const edited = (name: string, edit: (bytes: Buffer) => Buffer) => new MemoryFile(name, edit(readFileSync(path(name))));

describe('parquetBlocks', () => {
  test.each(['none', 'snappy', 'gzip', 'brotli', 'zstd', 'lz4', 'v2', 'delta'])('reads %s.parquet', async (name) => {
    const rows = await read(new LocalFile(path(`${name}.parquet`)));
    expect(rows).toEqual(expected);
    expect(sourceOf(rows[149] as Row)).toBe(`${path(`${name}.parquet`)}, row 150`);
  });

  test('reads columns that hold no nulls', async () => {
    const rows = await read(new LocalFile(path('required.parquet')));
    expect(rows).toEqual(expected.map(({ text_pos, label }) => ({ text_pos, label })));
  });

  test('picks columns in the order asked and asks for the bytes of no others', async () => {
    const all = new Counted(path('none.parquet'));
    await read(all);
    const picked = new Counted(path('none.parquet'));
    const rows = await read(picked, { columns: ['neg', 'label'] });
    expect(rows).toEqual(expected.map(({ neg, label }) => ({ neg, label })));
    const footer = readFileSync(path('none.parquet')).readUInt32LE(33441 - 8) + 8;
    expect(footer).toBeLessThan(33441);
    expect(all.bytes - picked.bytes).toBeGreaterThan(10_000); // both read the footer's 512 KiB at most: here the file
    await expect(read(new LocalFile(path('none.parquet')), { columns: ['z'] })).rejects.toThrow(
      `${path('none.parquet')}: no column 'z'\n  fix: name columns of {text, text_pos, label,`,
    );
  });

  test('goes on from the position of any row group and row', async () => {
    const file = new LocalFile(path('snappy.parquet'));
    for (const [group, row, index] of [
      [0, 0, 0],
      [0, 37, 37],
      [1, 1, 61],
      [2, 30, 150],
    ] as const) {
      const rows: Row[] = [];
      for await (const block of parquetBlocks(file, {}, { group, row })) rows.push(...block.rows);
      expect(rows).toEqual(expected.slice(index));
      if (rows[0]) expect(sourceOf(rows[0])).toMatch(new RegExp(`, row ${index + 1}$`));
    }
  });

  test('the footer alone gives rows and columns', async () => {
    const info = await parquetInfo(new LocalFile(path('zstd.parquet')));
    expect(info).toEqual({ rows: 150, columns: Object.keys(expected[0] as Row) });
  });

  test('a damaged page names row group and column', async () => {
    // The third value of the first row group's text column; v2.parquet has page checksums.
    const broken = edited('v2.parquet', (bytes) => {
      const at = bytes.indexOf('row 2');
      bytes[at] = 0x52;
      return bytes;
    });
    await expect(read(broken)).rejects.toThrow(
      'v2.parquet, row group 1, column text: a page is damaged (its checksum does not match)\n  fix: copy or download',
    );
    const torn = edited('snappy.parquet', (bytes) => bytes.fill(0xff, 200, 400));
    await expect(read(torn)).rejects.toThrow(
      /^snappy\.parquet, row group 1, column text: a page is damaged \(.+\)\n {2}fix/,
    );
  });

  test('a text that is not UTF-8 is an error', async () => {
    const broken = edited('none.parquet', (bytes) => {
      bytes[bytes.indexOf('row 2') - 2] = 0xe9;
      return bytes;
    });
    await expect(read(broken)).rejects.toThrow('column text: a page is damaged (a text is not valid UTF-8)');
  });

  test.each([
    [
      'a cut file',
      (bytes: Buffer) => bytes.subarray(0, 20_000),
      'none.parquet: no Parquet file, or its footer is damaged (parquet file invalid (footer != PAR1))',
    ],
    [
      'an empty file',
      (bytes: Buffer) => bytes.subarray(0, 0),
      'none.parquet: no Parquet file, or its footer is damaged (',
    ],
    [
      'a damaged footer',
      (bytes: Buffer) => bytes.fill(0xee, 31_000, 33_000),
      'none.parquet: no Parquet file, or its footer is damaged (',
    ],
    [
      'a schema that ends early',
      (bytes: Buffer) => {
        const footer = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8);
        const children = bytes.indexOf('schema', footer, 'latin1') + 'schema'.length + 1; // of the root, zigzag
        bytes[children] = (bytes[children] as number) + 20;
        return bytes;
      },
      "none.parquet: no Parquet file, or its footer is damaged (Cannot read properties of undefined (reading 'name'))",
    ],
    ['another file', () => Buffer.from('{"text": "a"}\n'), 'none.parquet: no Parquet file, or its footer is damaged ('],
  ])('%s is no Parquet file', async (_, edit, message) => {
    await expect(read(edited('none.parquet', edit))).rejects.toThrow(message);
  });

  test('a column that the schema does not have names its row group', async () => {
    const broken = edited('none.parquet', (bytes) => {
      const element = bytes.indexOf('element', bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8), 'latin1');
      bytes.write('elemenT', element, 'latin1'); // in the schema, the first that names it
      return bytes;
    });
    await expect(read(broken)).rejects.toThrow(
      /^none\.parquet, row group 1, column \w+: a page is damaged \(parquet schema element not found: .*\n {2}fix: copy or/,
    );
  });

  test('an unknown compression is named', async () => {
    // The codec is the i32 after the column's path in the footer: UNCOMPRESSED is 0, LZO is 3, zigzag 6.
    const broken = edited('none.parquet', (bytes) => {
      const footer = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8);
      const name = bytes.indexOf('\x05label', bytes.indexOf('\x05label', footer) + 1, 'latin1');
      expect(bytes.subarray(name + 6, name + 8)).toEqual(Buffer.from([0x15, 0x00]));
      bytes[name + 7] = 6;
      return bytes;
    });
    await expect(read(broken, { columns: ['label'] })).rejects.toThrow(
      'none.parquet, row group 1, column label: compressed with LZO, which is not read\n  fix: write it with snappy, gzip',
    );
  });

  test('a missing file is named', async () => {
    await expect(read(new LocalFile('/none/a.parquet'))).rejects.toThrow('/none/a.parquet: cannot be read (ENOENT');
  });
});
