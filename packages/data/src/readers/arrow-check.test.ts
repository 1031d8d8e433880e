/** Columns and messages that say more of themselves than is there; fixtures/data/generate_files.py wrote the file. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import {
  type Data,
  DateDay,
  Dictionary,
  Field,
  Int32,
  List,
  makeData,
  makeVector,
  Struct,
  TimestampMillisecond,
  Utf8,
} from 'apache-arrow';
import { describe, expect, test } from 'vitest';

import { MemoryFile } from '../bytes.ts';
import { DataError } from '../errors.ts';
import { arrowBlocks } from './arrow.ts';
import { damageOf } from './arrow-check.ts';

const text = (offsets: number[], bytes: string | Buffer): Data =>
  makeData({ type: new Utf8(), length: 2, valueOffsets: Int32Array.from(offsets), data: Buffer.from(bytes as string) });
const numbers = makeData({ type: new Int32(), length: 3, data: Int32Array.of(1, 2, 3) });
const list = (offsets: number[], child: Data = numbers): Data =>
  makeData({
    type: new List(new Field('item', child.type, true)),
    length: 2,
    valueOffsets: Int32Array.from(offsets),
    child,
  });
const times = (...values: bigint[]): Data =>
  makeData({ type: new TimestampMillisecond(), length: values.length, data: BigInt64Array.from(values) });

describe('damageOf', () => {
  test.each<[string, Data, string | undefined]>([
    ['two texts', text([0, 3, 6], '一二'), undefined],
    ['texts that go back', text([0, 4, 2], 'abcdef'), 'has a value from 4 to 2 of 6'],
    ['texts past the end', text([0, 4, 7], 'abcdef'), 'has a value from 4 to 7 of 6'],
    ['texts before the start', text([-1, 4, 6], 'abcdef'), 'has a value from 0 to -1 of 6'],
    ['offsets too few', text([0, 4], 'abcdef'), 'is cut short'],
    ['bytes of no text', text([0, 1, 2], Buffer.of(0xff, 0x61)), 'is not valid UTF-8'],
    ['a text that begins within a character', text([0, 2, 6], '一二'), 'is not valid UTF-8'],
    ['two lists', list([0, 1, 3]), undefined],
    ['a list of what is not there', list([0, 1, 2 ** 31 - 1]), 'has a value from 1 to 2147483647 of 3'],
    ['a list of bad texts', list([0, 1, 2], text([0, 4, 7], 'abcdef')), 'has a value from 4 to 7 of 6'],
    ['numbers too few', makeData({ type: new Int32(), length: 4, data: Int32Array.of(1) }), 'is cut short'],
    ['a time that a Date has', times(8_640_000_000_000_000n), undefined],
    ['a time that none has', times(0n, 2n ** 60n), 'has the time 1152921504606847000'],
    [
      'a day that none has',
      makeData({ type: new DateDay(), length: 1, data: Int32Array.of(2e9) }),
      'has the time 2000000000',
    ],
    [
      'a short part of a struct',
      makeData({ type: new Struct([new Field('a', new Int32())]), length: 4, children: [numbers] }),
      'is cut short',
    ],
    [
      'an index past a dictionary',
      makeData({
        type: new Dictionary(new Utf8(), new Int32()),
        length: 2,
        data: Int32Array.of(0, 2),
        dictionary: makeVector(text([0, 1, 2], 'ab')),
      }),
      'has value 2 of 2',
    ],
  ])('%s', (_, data, damage) => {
    expect(damageOf(data)).toBe(damage);
  });
});

test('no count in the schema is believed: each is made huge, and the file is read or refused at once', async () => {
  const path = fileURLToPath(new URL('../../../../fixtures/data/files/stream.arrow', import.meta.url));
  const bytes = readFileSync(path);
  const size = bytes.readInt32LE(4);
  let refused = 0;
  for (let at = 8; at < 8 + size; at += 4) {
    const changed = Buffer.from(bytes);
    changed.writeUInt32LE(0x7fffffff, at);
    try {
      for await (const { rows } of arrowBlocks(new MemoryFile('a.arrow', changed))) if (rows.length > 0) break;
    } catch (error) {
      expect(error).toBeInstanceOf(DataError);
      if (/damaged, or no Arrow \(a list of 2147483647 where there are fewer\)/.test(String(error))) refused += 1;
    }
  }
  expect(refused).toBeGreaterThan(10);
});
