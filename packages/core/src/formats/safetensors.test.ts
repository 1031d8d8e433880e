import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, describe, expect, test } from 'vitest';

import { type HostTensor, openSafetensors, writeSafetensors } from './safetensors.ts';

const folder = mkdtempSync(join(tmpdir(), 'uniem-safetensors-'));
afterAll(() => rmSync(folder, { recursive: true }));

const golden = fileURLToPath(new URL('../../../../fixtures/safetensors/', import.meta.url));
const bytes = readFileSync(join(golden, 'mixed.safetensors'));

function file(name: string, content: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Every tensor, read. */
function readSafetensors(path: string): Map<string, HostTensor> {
  return new Map([...openSafetensors(path)].map(([name, { shape, read }]) => [name, { shape, values: read() }]));
}

/** A file of this header and this many bytes of data. */
function withHeader(header: unknown, dataBytes: number): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)]);
}

const entry = (fields: object) => withHeader({ w: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...fields } }, 8);

describe('readSafetensors', () => {
  // expected.json: fixtures/safetensors/generate.py, the reference library.
  test('F32, F16, BF16 and F64 have the values of the reference; integers are left out', () => {
    const { tensors } = JSON.parse(readFileSync(join(golden, 'expected.json'), 'utf8')) as {
      tensors: Record<string, { shape: number[]; values: (number | string)[] }>;
    };
    const actual = readSafetensors(join(golden, 'mixed.safetensors'));
    expect([...actual.keys()].sort()).toEqual(Object.keys(tensors).sort());
    for (const [name, { shape, values }] of Object.entries(tensors)) {
      const numbers = values.map((value) => Number(String(value).replace('inf', 'Infinity')));
      expect(actual.get(name), name).toEqual({ shape, values: Float32Array.from(numbers) }); // toEqual tells −0 from 0
    }
  });

  test.each([
    [0, '0 bytes, too short for a header'],
    [7, '7 bytes, too short for a header'],
    [100, `header of ${bytes.readBigUInt64LE(0)} bytes in a file of 100`],
    [bytes.length - 1, `ends at byte ${bytes.length} of ${bytes.length - 1}`],
  ])('cut after %i bytes is an error that says where', (length, text) => {
    const path = file('cut.safetensors', bytes.subarray(0, length));
    expect(() => readSafetensors(path)).toThrow(`${path}: truncated or corrupt: `);
    expect(() => readSafetensors(path)).toThrow(`${text}\n  fix: download or copy the file again`);
  });

  test.each([
    ['a huge header size', Buffer.alloc(16, 0xff), 'truncated or corrupt: header of'],
    ['no JSON', withHeader('{"w": nope', 8), 'header is not JSON\n  fix: download'],
    ['a list for a header', withHeader([1], 8), 'truncated or corrupt: header is not an object'],
    ['null for a tensor', withHeader({ w: null }, 8), 'tensor w has no shape or offsets'],
    ['no shape', entry({ shape: undefined }), 'tensor w has no shape or offsets'],
    ['a negative dimension', entry({ shape: [-2] }), 'tensor w has no shape or offsets'],
    ['a fraction for a dimension', entry({ shape: [0.5] }), 'tensor w has no shape or offsets'],
    ['one offset', entry({ data_offsets: [8] }), 'tensor w has no shape or offsets'],
    ['a text for an offset', entry({ data_offsets: ['0', 8] }), 'tensor w has no shape or offsets'],
    ['more bytes than the shape', entry({ shape: [1] }), 'tensor w of shape [1] F32 has 8 bytes'],
    ['offsets turned round', entry({ data_offsets: [8, 0] }), 'tensor w of shape [2] F32 has -8 bytes'],
    ['a shape past the file', entry({ shape: [2e9], data_offsets: [0, 8e9] }), 'tensor w ends at byte 8000000'],
    ['a product past all numbers', entry({ shape: [2 ** 50, 2 ** 50] }), 'has 8 bytes'],
    [
      'a dtype that is not read',
      entry({ dtype: 'F8_E4M3' }),
      'tensor w is of dtype F8_E4M3\n  fix: use a checkpoint of',
    ],
  ])('a header with %s is refused', (_, content, text) => {
    const path = file('lie.safetensors', content);
    expect(() => readSafetensors(path)).toThrow(text);
    expect(() => readSafetensors(path)).toThrow(`${path}: `);
  });

  test('a missing file is named', () => {
    const path = join(folder, 'none.safetensors');
    expect(() => readSafetensors(path)).toThrow(`${path}: weight file not found\n  fix: give a folder that holds it`);
  });
});

describe('writeSafetensors', () => {
  test('gives back what was written, bit for bit', () => {
    const tensors = new Map<string, HostTensor>([
      ['encoder.weight', { shape: [2, 3], values: Float32Array.of(1, -0, 1e-45, 3.4e38, Number.NaN, 0.1) }],
      ['空', { shape: [], values: Float32Array.of(7) }],
      ['nothing', { shape: [0, 4], values: new Float32Array() }],
      ['part of a larger array', { shape: [2], values: Float32Array.of(1, 2, 3, 4).subarray(1, 3) }],
    ]);
    const path = join(folder, 'round.safetensors');
    writeSafetensors(path, tensors);
    expect(readSafetensors(path)).toEqual(tensors);
    expect(Number(readFileSync(path).readBigUInt64LE(0)) % 8).toBe(0);
  });
});
