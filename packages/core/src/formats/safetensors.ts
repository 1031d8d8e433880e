/** Reads and writes safetensors files; the header is distrusted. Format: huggingface/safetensors README. */

import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';

import { NAME, OBJECT } from '@uniem/hub/arguments';

import { MAP, requireKind } from '../arguments.ts';
import { ModelError, OptionError } from '../errors.ts';
import { corruptFile, isCounts, isObject, parseJson, readBytes, readWeights } from './files.ts';
import { FLOAT_BYTES, type FloatType, isFloatType, toFloat32 } from './floats.ts';

/** A tensor held in JavaScript: float32 values, row-major. */
export interface HostTensor {
  shape: number[];
  values: Float32Array;
}

/** A tensor of a weight file, whose values are read when asked for. */
export interface StoredTensor {
  shape: number[];
  /** The values as float32, row-major. */
  read(): Float32Array;
}

const MAX_HEADER_BYTES = 100_000_000; // the reference implementation's limit
const INTEGER_BYTES = new Map([
  ['BOOL', 1],
  ['U8', 1],
  ['I8', 1],
  ['U16', 2],
  ['I16', 2],
  ['U32', 4],
  ['I32', 4],
  ['U64', 8],
  ['I64', 8],
]);

/**
 * Reads the header; every floating-point tensor can then be read as float32. Integer tensors (position_ids and the
 * like) are left out.
 *
 * @throws ModelError when the file is missing, cut short, or its header lies about sizes.
 */
export function openSafetensors(path: string): Map<string, StoredTensor> {
  requireKind(path, NAME, 'path');
  return readWeights(path, (file, fileBytes) => readHeader(file, path, fileBytes));
}

interface Entry {
  name: string;
  dtype: string;
  shape: number[];
  begin: number;
  end: number;
}

function readHeader(file: number, path: string, fileBytes: number): Map<string, StoredTensor> {
  const corrupt = corruptFile(path);
  if (fileBytes < 8) throw corrupt(`${fileBytes} bytes, too short for a header`);
  const headerBytes = Number(readBytes(file, 0, 8).readBigUInt64LE(0));
  if (headerBytes > MAX_HEADER_BYTES || 8 + headerBytes > fileBytes) {
    throw corrupt(`header of ${headerBytes} bytes in a file of ${fileBytes}`);
  }
  let header: unknown;
  try {
    header = parseJson(readBytes(file, 8, headerBytes).toString('utf8'));
  } catch (cause) {
    throw new ModelError('header is not JSON', path, 'download or copy the file again', { cause });
  }
  if (!isObject(header)) throw corrupt('header is not an object');
  const start = 8 + headerBytes;
  const entries = Object.entries(header).flatMap(([name, entry]) =>
    name === '__metadata__' ? [] : [checkedEntry(name, entry, path)],
  );
  for (const { name, end } of entries) {
    if (start + end > fileBytes) throw corrupt(`tensor ${name} ends at byte ${start + end} of ${fileBytes}`);
  }
  let covered = 0; // as the reference implementation asks: no gap, no overlap
  for (const { name, begin, end } of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== covered) throw corrupt(`tensor ${name} begins at byte ${begin} of the data, not at ${covered}`);
    covered = end;
  }
  if (start + covered !== fileBytes) throw corrupt(`${fileBytes - start - covered} bytes belong to no tensor`);
  return new Map(
    entries.flatMap(({ name, dtype, shape, begin, end }) =>
      isFloatType(dtype) ? [[name, { shape, read: () => readTensor(path, start + begin, end - begin, dtype) }]] : [],
    ),
  );
}

function checkedEntry(name: string, entry: unknown, path: string): Entry {
  const { dtype, shape, data_offsets: offsets } = isObject(entry) ? entry : {};
  if (!isCounts(shape) || !isCounts(offsets) || offsets.length !== 2) {
    throw corruptFile(path)(`tensor ${name} has no shape or offsets`);
  }
  const bytesPerValue = isFloatType(dtype) ? FLOAT_BYTES[dtype] : INTEGER_BYTES.get(String(dtype));
  if (bytesPerValue === undefined) {
    throw new ModelError(
      `tensor ${name} is of dtype ${dtype}`,
      path,
      `use a checkpoint of ${Object.keys(FLOAT_BYTES).join(', ')}`,
    );
  }
  const [begin, end] = offsets as [number, number];
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  if (end - begin !== size * bytesPerValue) {
    throw corruptFile(path)(`tensor ${name} of shape [${shape}] ${dtype} has ${end - begin} bytes`);
  }
  return { name, dtype: String(dtype), shape, begin, end };
}

function readTensor(path: string, position: number, length: number, dtype: FloatType): Float32Array {
  const file = openSync(path, 'r');
  try {
    return toFloat32(readBytes(file, position, length), dtype, length / FLOAT_BYTES[dtype]);
  } finally {
    closeSync(file);
  }
}

/**
 * Writes float32 tensors with the metadata that transformers demands.
 *
 * @param outlives Whether the file must be there after the machine fails, which the disk takes its time for.
 */
export function writeSafetensors(path: string, tensors: ReadonlyMap<string, HostTensor>, outlives = true): void {
  requireKind(path, NAME, 'path');
  requireKind(tensors, MAP, 'tensors');
  for (const [name, tensor] of tensors) requireHostTensor(name, tensor);
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
    if (outlives) fsyncSync(file); // some file systems tell of a full disk only here
  } finally {
    closeSync(file);
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
}

function requireHostTensor(name: string, tensor: HostTensor): void {
  requireKind(tensor, OBJECT, name);
  const { shape, values } = tensor;
  const isShape = Array.isArray(shape) && shape.every((size) => Number.isInteger(size) && size >= 0);
  const count = isShape ? shape.reduce((product, size) => product * size, 1) : -1;
  if (values instanceof Float32Array && values.length === count) return;
  const what = `is no Float32Array of the values of its shape ${JSON.stringify(shape)}`;
  throw new OptionError(what, `tensor ${name}`, 'give { shape, values }');
}
