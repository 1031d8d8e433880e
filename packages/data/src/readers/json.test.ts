import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';

import { MemoryFile } from '../bytes.ts';
import { sourceOf } from '../records/provenance.ts';
import type { Row } from '../records/records.ts';
import { jsonBlocks } from './json.ts';
import { BadRecords, type ReadOptions } from './reader.ts';

/** Chunks of a size that puts every kind of byte on a chunk's edge. */
class Chunked extends MemoryFile {
  readonly #bytes: Buffer;
  readonly #size: number;

  constructor(bytes: Buffer, size: number, name = 'a.json') {
    super(name, bytes);
    this.#bytes = bytes;
    this.#size = size;
  }

  override async *stream(start = 0): AsyncGenerator<Uint8Array> {
    for (let at = start; at < this.#bytes.length; at += this.#size) yield this.#bytes.subarray(at, at + this.#size);
  }
}

async function read(content: string | Buffer, options: ReadOptions = {}, size = 1 << 18): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const block of jsonBlocks(new Chunked(Buffer.from(content as string), size), options)) {
    rows.push(...block.rows);
  }
  return rows;
}

const RECORDS = [
  { query: ['instruction: [x], {y}', 'text "quoted" \\'], pos: ['', '汉字😀'], neg: [], task_name: 'a' },
  { text: '\\\\"', nested: { deep: [[1, [2]], { '}': ']' }] } },
  {},
  { text: 'x'.repeat(50), label: -1.5e3, none: null, yes: true },
];

describe('jsonBlocks', () => {
  test.each([1, 2, 3, 7, 64, 4096])('finds the elements with chunks of %i bytes', async (size) => {
    for (const text of [
      JSON.stringify(RECORDS),
      JSON.stringify(RECORDS, null, 2),
      `\ufeff \n${JSON.stringify(RECORDS)} \n`,
    ]) {
      expect(await read(text, {}, size)).toEqual(RECORDS);
    }
    const lines = RECORDS.map((record) => JSON.stringify(record));
    for (const text of [lines.join('\n'), lines.join(''), JSON.stringify(RECORDS[0], null, 2)]) {
      expect(await read(text, {}, size)).toEqual(text.startsWith(lines[0] as string) ? RECORDS : [RECORDS[0]]);
    }
  });

  test('goes on from the position of any block', async () => {
    for (const text of [JSON.stringify(RECORDS), RECORDS.map((record) => JSON.stringify(record)).join(' ')]) {
      const file = new Chunked(Buffer.from(text), 5);
      let done = 0;
      for await (const { rows, next } of jsonBlocks(file)) {
        done += rows.length;
        const after: Row[] = [];
        for await (const block of jsonBlocks(file, {}, JSON.parse(JSON.stringify(next)))) after.push(...block.rows);
        expect(after).toEqual(RECORDS.slice(done));
        if (after[0]) expect(sourceOf(after[0])).toBe(`a.json, row ${done + 1}`);
      }
      expect(done).toBe(RECORDS.length);
    }
  });

  test('an empty array and an empty file have no rows; .gz is unpacked; columns are picked', async () => {
    expect(await read(' [ ] ')).toEqual([]);
    expect(await read('')).toEqual([]);
    const packed = new Chunked(gzipSync('[{"a":1,"b":2}]'), 4, 'a.json.gz');
    const rows: Row[] = [];
    for await (const block of jsonBlocks(packed, { columns: ['b'] })) rows.push(...block.rows);
    expect(rows).toEqual([{ b: 2 }]);
  });

  test.each([
    ['a value that is no object', '[{}, [1]]', 'a.json, row 2: [1] is not an object\n  fix: give an array of objects'],
    ['broken JSON', '[{"a": 1}, {"a": nope}]', 'a.json, row 2: not JSON (Unexpected token'],
    ['a comma too many', '[{"a": 1},]', "a.json: ']' after row 1\n  fix: give one array of objects"],
    ['text after the array', '[{"a": 1}] x', "a.json: 'x' after row 1\n  fix: end the file after its array"],
    ['a file of something else', 'text', "a.json: 't' at the start\n  fix: give one array of objects"],
    ['a cut file', '[{"a": 1}, {"a": "x', 'a.json, row 2: the file ends within this record\n  fix: copy or download'],
    ['a cut array', '[{"a": 1}, ', 'a.json, row 2: the file ends within this record\n  fix: copy or download'],
  ])('%s names file and row', async (_, text, message) => {
    await expect(read(text)).rejects.toThrow(message);
    await expect(read(text, {}, 1)).rejects.toThrow(message);
  });

  test('bad records are skipped and named', async () => {
    const bad = new BadRecords('skip');
    const bytes = Buffer.concat([Buffer.from('[{"a":1}, 7, {"a":"'), Buffer.from([0xff]), Buffer.from('"}, {"a":2}]')]);
    expect(await read(bytes, { bad })).toEqual([{ a: 1 }, { a: 2 }]);
    expect(bad.first).toEqual(['a.json, row 2: 7 is not an object', 'a.json, row 3: not valid UTF-8']);
  });
});
