import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';

import { sourceOf } from '../records/provenance.ts';
import { inferRecordType, type Row } from '../records/records.ts';
import { readJsonl } from './jsonl.ts';

const folder = mkdtempSync(join(tmpdir(), 'uniem-jsonl-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, content: string | Buffer) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

async function read(path: string): Promise<Row[]> {
  const rows = [];
  for await (const row of readJsonl(path)) rows.push(row);
  return rows;
}

describe('readJsonl', () => {
  /** createReadStream reads 64 KiB at a time; the shift walks a 4-byte and a 3-byte character over that edge. */
  test.each([0, 1, 2, 3, 4, 5, 6])('cuts no character at a chunk edge shifted by %i bytes', async (shift) => {
    const rows = [{ pad: 'x'.repeat(shift) }, ...Array.from({ length: 4000 }, (_, i) => ({ text: `😀汉${i}é😀汉字` }))];
    const text = rows.map((row) => JSON.stringify(row)).join('\n');
    expect(Buffer.byteLength(text)).toBeGreaterThan(2 * 65536);
    expect(await read(file('plain.jsonl', text))).toEqual(rows);
    expect(await read(file('packed.jsonl.gz', gzipSync(text)))).toEqual(rows);
  });

  test.each([65535, 65536, 65537])('reads a newline beside a chunk edge, first line %i bytes', async (bytes) => {
    const first = { text: 'x'.repeat(bytes - '{"text":""}'.length) };
    expect(await read(file('edge.jsonl', `${JSON.stringify(first)}\n{"text":"b"}\n`))).toEqual([first, { text: 'b' }]);
  });

  test('reads a line longer than several chunks', async () => {
    const row = { text: '汉'.repeat(100_000) };
    expect(await read(file('long.jsonl', JSON.stringify(row)))).toEqual([row]);
  });

  test('a line without an end is refused before it fills the memory', async () => {
    const member = gzipSync('a'.repeat(1 << 24)); // members of gzip, one after the other, are one content
    const path = file('bomb.jsonl.gz', Buffer.concat([gzipSync('{"a":1}\n'), ...Array<Buffer>(6).fill(member)]));
    await expect(read(path)).rejects.toThrow(
      `${path}: the line from byte 8 on is longer than 64 MiB\n  fix: give one record a line`,
    );
  });

  test('a byte-order mark, CRLF and blank lines are no rows, and blank lines count', async () => {
    const rows = await read(file('dos.jsonl', '\ufeff{"a":1}\r\n\r\n  \n{"a":2}\r\n'));
    expect(rows).toEqual([{ a: 1 }, { a: 2 }]);
    expect(rows.map(sourceOf)).toEqual([1, 4].map((line) => `${join(folder, 'dos.jsonl')}:${line}`));
  });

  test('a record without the fields names file and line once it is used', async () => {
    const path = file('wrong.jsonl', '{"text":"a","text_pos":"b"}\n{"query":"a","answer":"b"}\n');
    const rows = await read(path);
    expect(() => rows.map((row) => inferRecordType(row))).toThrow(
      `${path}:2: the fields {query, answer} match no record type`,
    );
  });

  test('what is not JSON names file, line and the parser’s words', async () => {
    const path = file('broken.jsonl', '{"text": "a"}\n{"text": nope}\n');
    await expect(read(path)).rejects.toThrow(`${path}:2: not JSON (Unexpected token`);
    await expect(read(path)).rejects.toThrow('\n  fix: give one JSON object a line');
  });

  test.each(['[1]', 'null', '"text"', '3'])('%s is not an object', async (line) => {
    const path = file('scalar.jsonl', `{}\n${line}\n`);
    await expect(read(path)).rejects.toThrow(`${path}:2: ${line} is not an object\n  fix: give one JSON object a line`);
  });

  test.each([
    ['a character cut short', [0xe6, 0xb1]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
  ])('%s is not valid UTF-8', async (_, bytes) => {
    const path = file('bad.jsonl', Buffer.concat([Buffer.from('{}\n{"a":"'), Buffer.from(bytes), Buffer.from('"}\n')]));
    await expect(read(path)).rejects.toThrow(`${path}:2: not valid UTF-8\n  fix: save the file as UTF-8`);
  });

  test('what is not UTF-8 is told with the encoding that it is likely to be of', async () => {
    const path = file('latin1.jsonl', Buffer.from('{}\n{"a":"caf\xe9"}\n', 'latin1'));
    await expect(read(path)).rejects.toThrow(
      `${path}:2: not valid UTF-8; it looks like windows-1252\n  fix: give --encoding windows-1252 (option encoding), or save`,
    );
  });

  test('a gzip file that is cut short, or is none, is an error', async () => {
    const whole = gzipSync(JSON.stringify({ a: 'x'.repeat(1000) }));
    const cut = file('cut.jsonl.gz', whole.subarray(0, whole.length - 6));
    await expect(read(cut)).rejects.toThrow(`${cut}: cannot be read (unexpected end of file)`);
    const plain = file('plain.jsonl.gz', '{}');
    await expect(read(plain)).rejects.toThrow(`${plain}: cannot be read (incorrect header check)`);
  });

  test.each(['gone.jsonl', 'gone.jsonl.gz'])('%s, which is not there, is an error', async (name) => {
    const path = join(folder, name);
    await expect(read(path)).rejects.toThrow(`${path}: cannot be read (ENOENT`);
  });
});
