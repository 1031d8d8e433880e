import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';

import { MemoryFile } from '../bytes.ts';
import { sourceOf } from '../records/provenance.ts';
import type { Row } from '../records/records.ts';
import { type CsvOptions, csvBlocks } from './csv.ts';
import { BadRecords } from './reader.ts';

const file = (content: string | Buffer, name = 'a.csv') => new MemoryFile(name, Buffer.from(content as string));

async function read(content: string | Buffer, options: CsvOptions = {}, name?: string): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const block of csvBlocks(file(content, name), options)) rows.push(...block.rows);
  return rows;
}

describe('csvBlocks', () => {
  test('quotes hold delimiters, newlines and doubled quotes', async () => {
    const text = 'text,text_pos\r\n"a, b","line 1\nline 2 ""quoted"""\r\nplain,"汉字😀"\n"",x';
    const rows = await read(text);
    expect(rows).toEqual([
      { text: 'a, b', text_pos: 'line 1\nline 2 "quoted"' },
      { text: 'plain', text_pos: '汉字😀' },
      { text: '', text_pos: 'x' },
    ]);
    expect(rows.map(sourceOf)).toEqual(['a.csv:2', 'a.csv:4', 'a.csv:5']);
  });

  test('a byte-order mark and empty lines are no rows; a tab divides .tsv; .gz is unpacked', async () => {
    expect(await read('\ufeffa,b\n\nx,y\n\r\n')).toEqual([{ a: 'x', b: 'y' }]);
    expect(await read('a\tb\nx,1\ty\n', {}, 'a.tsv')).toEqual([{ a: 'x,1', b: 'y' }]);
    expect(await read(gzipSync('a\tb\nx\ty\n'), {}, 'a.tsv.gz')).toEqual([{ a: 'x', b: 'y' }]);
    expect(await read('a;b\nx;y\n', { delimiter: ';' })).toEqual([{ a: 'x', b: 'y' }]);
  });

  test('fifty thousand columns, and a record of ten megabytes, are read once', async () => {
    const names = Array.from({ length: 50_000 }, (_, i) => `c${i}`);
    const [row] = await read(`${names.join(',')}\n${'x,'.repeat(49_999)}y\n`);
    expect(Object.keys(row as Row)).toHaveLength(50_000);
    expect(row?.c49999).toBe('y');
    const long = `${'a'.repeat(99)}\n`.repeat(100_000);
    expect(await read(`text,n\nb,1\n"${long}",2\nc,3\n`)).toEqual([
      { text: 'b', n: 1 },
      { text: long, n: 2 },
      { text: 'c', n: 3 },
    ]);
  }, 5000);

  test('columns of numbers give numbers; texts, names with leading zeros and long identifiers stay texts', async () => {
    const rows = await read(
      'text,label,code,id\n1,0.5,007,12345678901234567890\n2,-1e3,008,2\n3,,009,3\n4,NaN,010,4\n',
    );
    expect(rows).toEqual([
      { text: '1', label: 0.5, code: '007', id: '12345678901234567890' },
      { text: '2', label: -1000, code: '008', id: '2' },
      { text: '3', label: null, code: '009', id: '3' },
      { text: '4', label: Number.NaN, code: '010', id: '4' },
    ]);
  });

  test('columns are picked in the order asked', async () => {
    expect(await read('a,b,c\n1,2,3\n', { columns: ['c', 'a'] })).toEqual([{ c: 3, a: 1 }]);
    await expect(read('a,b\n1,2\n', { columns: ['z'] })).rejects.toThrow(
      "a.csv:1: no column 'z'\n  fix: name columns of {a, b}",
    );
  });

  /** Rows of every length, some quoted with newlines, over many chunks; the reader reads 256 KiB at a time. */
  const wide = Array.from({ length: 30_000 }, (_, i) => ({
    text: i % 7 === 0 ? `a "quoted", 汉字\nsecond line ${i}` : `plain 😀 ${i}`,
    label: i,
  }));
  const quoted = (text: string) => (/["\n,]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const content = `text,label\n${wide.map(({ text, label }) => `${quoted(text)},${label}\n`).join('')}`;

  test('cuts no record at a chunk edge, and goes on from the position of any block', async () => {
    const positions = [];
    const all: Row[] = [];
    for await (const { rows, next } of csvBlocks(file(content))) {
      all.push(...rows);
      positions.push({ next: JSON.parse(JSON.stringify(next)), done: all.length });
    }
    expect(all).toEqual(wide);
    expect(positions.length).toBeGreaterThan(2);
    for (const { next, done } of positions) {
      const after: Row[] = [];
      for await (const { rows } of csvBlocks(file(content), {}, next)) after.push(...rows);
      expect(after).toEqual(wide.slice(done));
      if (after.length > 0) expect(sourceOf(after[0] as Row)).toBe(sourceOf(all[done] as Row));
    }
  });

  test.each([
    [
      'a row with a field too few',
      'a,b,c\n1,2,3\n4,5\n',
      'a.csv:3: 2 fields, but the header names 3 (a, b, c)\n  fix: quote',
    ],
    [
      'a row with a field too many',
      'a,b\n"x\ny",2\n4,5,6\n',
      'a.csv:4: 3 fields, but the header names 2 (a, b)\n  fix: quote',
    ],
    [
      'a quote that does not end',
      'a,b\n1,2\n"3,4\n5,6\n',
      'a.csv:3: a quoted field does not end\n  fix: close the quote',
    ],
    ['text after a closing quote', 'a,b\n"x"y,2\n', "a.csv:2: 'y' after a closing quote\n  fix: double a quote"],
    [
      'a column named twice',
      'a,b,a\n1,2,3\n',
      "a.csv:1: two columns named 'a'\n  fix: give every column a name of its own",
    ],
    [
      'a word in a column of numbers',
      `a,label\n${'x,1\n'.repeat(99_999)}x,high\n`,
      'a.csv:100001: label is "high", but the rows before hold numbers\n  fix: give numbers in label',
    ],
  ])('%s names file and line', async (_, text, message) => {
    await expect(read(text)).rejects.toThrow(message);
  });

  test('bytes that are not UTF-8 name their line', async () => {
    const bytes = Buffer.concat([Buffer.from('a,b\n1,2\n"x\n'), Buffer.from([0xe9]), Buffer.from('",2\n汉,3\n')]);
    await expect(read(bytes)).rejects.toThrow('a.csv:3: not valid UTF-8\n  fix: save the file as UTF-8');
    const bad = new BadRecords('skip');
    expect(await read(bytes, { bad })).toEqual([
      { a: '1', b: 2 },
      { a: '汉', b: 3 },
    ]);
    expect(bad.report()).toBe('skipped 1 bad record:\n  a.csv:3: not valid UTF-8');
  });

  test('skipping counts all bad rows and names the first five', async () => {
    const bad = new BadRecords('skip');
    const rows = await read(`a,b\n${'1,2\n3\n'.repeat(7)}`, { bad });
    expect(rows).toHaveLength(7);
    expect(bad.count).toBe(7);
    expect(bad.first).toEqual([3, 5, 7, 9, 11].map((line) => `a.csv:${line}: 1 fields, but the header names 2 (a, b)`));
    expect(bad.report()).toContain('skipped 7 bad records:\n  a.csv:3: 1 fields');
    expect(bad.report()).toMatch(/… and 2 more$/);
  });
});
