/** Reads and writes safetensors files; the header is distrusted. Format: huggingface/safetensors README. */

import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';

import { ModelError } from '../errors.ts';

/** A tensor held in JavaScript: float32 values, row-major. */
export interface HostTensor {
  shape: number[];
  values: Float32Array;
}

const MAX_HEADER_BYTES = 100_000_000; // the reference implementation's limit
const FLOAT_BYTES = new Map([
  ['F32', 4],
  ['F16', 2],
  ['BF16', 2],
  ['F64', 8],
]);
const INTEGERS = new Set(['BOOL', 'U8', 'I8', 'U16', 'I16', 'U32', 'I32', 'U64', 'I64']);

/**
 * Reads every floating-point tensor as float32; integer tensors (position_ids and the like) are left out.
 *
 * @throws ModelError when the file is missing, cut short, or its header lies about sizes.
 */
export function readSafetensors(path: string): Map<string, HostTensor> {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (cause) {
    throw new ModelError('weight file not found', path, 'give a folder that holds model.safetensors', { cause });
  }
  try {
    return readOpen(file, path);
  } finally {
    closeSync(file);
  }
}

function readOpen(file: number, path: string): Map<string, HostTensor> {
  const truncated = (detail: string) =>
    new ModelError(`truncated or corrupt: ${detail}`, path, 'download or copy the file again');
  const fileBytes = fstatSync(file).size;
  if (fileBytes < 8) throw truncated(`${fileBytes} bytes, too short for a header`);
  const headerBytes = Number(readBytes(file, 0, 8).readBigUInt64LE(0));
  if (headerBytes > MAX_HEADER_BYTES || 8 + headerBytes > fileBytes) {
    throw truncated(`header of ${headerBytes} bytes in a file of ${fileBytes}`);
  }
  let header: unknown;
  try {
    header = JSON.parse(readBytes(file, 8, headerBytes).toString('utf8'));
  } catch (cause) {
    throw new ModelError('header is not JSON', path, 'download or copy the file again', { cause });
  }
  if (!isObject(header)) throw truncated('header is not an object');
  const start = 8 + headerBytes;
  const tensors = new Map<string, HostTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const { dtype, shape, data_offsets: offsets } = isObject(entry) ? entry : {};
    if (!isCounts(shape) || !isCounts(offsets) || offsets.length !== 2) {
      throw truncated(`tensor ${name} has no shape or offsets`);
    }
    if (INTEGERS.has(String(dtype))) continue;
    const bytesPerValue = FLOAT_BYTES.get(String(dtype));
    if (bytesPerValue === undefined) {
      throw new ModelError(
        `tensor ${name} is of dtype ${dtype}`,
        path,
        `use a checkpoint of ${[...FLOAT_BYTES.keys()].join(', ')}`,
      );
    }
    const [begin, end] = offsets as [number, number];
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    if (end - begin !== size * bytesPerValue) {
      throw truncated(`tensor ${name} of shape [${shape}] ${dtype} has ${end - begin} bytes`);
    }
    if (start + end > fileBytes) {
      throw truncated(`tensor ${name} ends at byte ${start + end} of ${fileBytes}`);
    }
    tensors.set(name, { shape, values: toFloat32(readBytes(file, start + begin, end - begin), String(dtype), size) });
  }
  return tensors;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((count) => Number.isSafeInteger(count) && count >= 0);
}

/** Writes float32 tensors with the metadata that transformers demands. */
export function writeSafetensors(path: string, tensors: ReadonlyMap<string, HostTensor>): void {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let offset = 0;
  for (const [name, { shape, values }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + values.byteLength] };
    offset += values.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const head = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' '); // the format asks for data aligned to 8 bytes
  head.writeBigUInt64LE(BigInt(head.length - 8));
  head.set(json, 8);
  const file = openSync(path, 'w');
  try {
    writeAll(file, head);
    for (const { values } of tensors.values()) {
      writeAll(file, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
    fsyncSync(file); // some file systems tell of a full disk only here
  } finally {
    closeSync(file);
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
}

function readBytes(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.from(new ArrayBuffer(length)); // own, aligned memory: float views are made on it
  for (let done = 0; done < length; ) {
    const read = readSync(file, bytes, done, length - done, position + done);
    if (read === 0) throw new Error(`internal: end of file at byte ${position + done}`);
    done += read;
  }
  return bytes;
}

function toFloat32(bytes: Buffer, dtype: string, size: number): Float32Array {
  if (dtype === 'F32') return new Float32Array(bytes.buffer, bytes.byteOffset, size);
  if (dtype === 'F64') return Float32Array.from(new Float64Array(bytes.buffer, bytes.byteOffset, size));
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, size);
  const values = new Float32Array(size);
  if (dtype === 'BF16') {
    const bits = new Uint32Array(values.buffer);
    for (let i = 0; i < size; i++) bits[i] = (halves[i] as number) << 16;
    return values;
  }
  for (let i = 0; i < size; i++) values[i] = halfToFloat(halves[i] as number);
  return values;
}

/** IEEE 754 binary16 to number. */
function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
