/** Reads the tensors of pytorch_model.bin: torch.save's zip format and the one before torch 1.6; nothing is run. */

import { closeSync, openSync } from 'node:fs';

import { ModelError } from '../errors.ts';
import { corruptFile, isCounts, readBytes, readWeights } from './files.ts';
import { FLOAT_BYTES, type FloatType, isFloatType, toFloat32 } from './floats.ts';
import { FileCursor, isName, PickleGlobal, type PickleOptions, readPickle } from './pickle.ts';
import type { StoredTensor } from './safetensors.ts';
import { readZipDirectory, type ZipEntry } from './zip.ts';

/** torch's storage classes: the dtype, or the bytes of an integer, which is left out. */
const STORAGES: Record<string, FloatType | number> = {
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  DoubleStorage: 'F64',
  LongStorage: 8,
  IntStorage: 4,
  ShortStorage: 2,
  CharStorage: 1,
  ByteStorage: 1,
  BoolStorage: 1,
};

const MAX_PAIRS = 1_000_000; // in all, since a list may be recalled for any number of dicts
const MAX_DIMENSIONS = 64; // torch's own limit

/** A stretch of values that tensors are views of. */
class Storage {
  readonly dtype: FloatType | number;
  readonly key: string;
  /** Values. */
  readonly size: number;
  /** Byte of the file; of the old format known only once the pickles are read. */
  position = 0;

  constructor(dtype: FloatType | number, key: string, size: number) {
    this.dtype = dtype;
    this.key = key;
    this.size = size;
  }

  get valueBytes(): number {
    return typeof this.dtype === 'number' ? this.dtype : FLOAT_BYTES[this.dtype];
  }
}

/** A tensor: where its values lie in a storage. */
class View {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: number[];
  readonly strides: number[];

  constructor(storage: Storage, offset: number, shape: number[], strides: number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/**
 * Every floating-point tensor of a saved state_dict. Sources: torch/serialization.py, torch/_utils.py.
 *
 * @throws ModelError when the file is cut short, lies about sizes, or holds anything but tensors.
 */
export function openPytorch(path: string): Map<string, StoredTensor> {
  return readWeights(path, (file, fileBytes) => {
    const isZip = fileBytes >= 2 && readBytes(file, 0, 2).toString('latin1') === 'PK';
    return named(isZip ? readZipFormat(file, path, fileBytes) : readOldFormat(file, path, fileBytes), path);
  });
}

function readZipFormat(file: number, path: string, fileBytes: number): unknown {
  const corrupt = corruptFile(path);
  const entries = readZipDirectory(file, path, fileBytes);
  const pickleName = [...entries.keys()].find((name) => name === 'data.pkl' || name.endsWith('/data.pkl'));
  if (pickleName === undefined) throw corrupt('no data.pkl in it');
  const root = pickleName.slice(0, -'data.pkl'.length);
  const order = entries.get(`${root}byteorder`);
  if (order && order.bytes < 16 && readBytes(file, order.position, order.bytes).toString() === 'big') {
    throw bigEndian(path);
  }
  const pickle = entries.get(pickleName) as ZipEntry;
  const cursor = new FileCursor(file, path, pickle.position, pickle.position + pickle.bytes);
  const persistent = (id: unknown): Storage => {
    const storage = storageOf(id, path);
    const entry = entries.get(`${root}data/${storage.key}`);
    if (!entry) throw corrupt(`no data/${storage.key} in it`);
    if (storage.size * storage.valueBytes > entry.bytes) {
      throw corrupt(`data/${storage.key} has ${entry.bytes} bytes for ${storage.size} values`);
    }
    storage.position = entry.position;
    return storage;
  };
  return readPickle(cursor, { globals: globalsOf(path), persistent });
}

const OLD_MAGIC = 0x1950a86a20f9469cfc6cn;

/** Pickles of a magic number, a version, the machine, the object and the storages' keys; then the storages. */
function readOldFormat(file: number, path: string, fileBytes: number): unknown {
  const corrupt = corruptFile(path);
  const cursor = new FileCursor(file, path, 0, fileBytes);
  const storages = new Map<unknown, Storage[]>();
  const persistent = (id: unknown): Storage => {
    const storage = storageOf(id, path);
    const own = storages.get(storage.key) ?? [];
    storages.set(storage.key, own);
    own.push(storage);
    return storage;
  };
  const options: PickleOptions = { globals: globalsOf(path), persistent };
  if (fileBytes === 0) throw corrupt('0 bytes');
  if (readPickle(cursor, options) !== OLD_MAGIC) throw corrupt('no weight file of torch.save');
  readPickle(cursor, options);
  const machine = readPickle(cursor, options);
  if (machine instanceof Map && machine.get('little_endian') === false) throw bigEndian(path);
  const object = readPickle(cursor, options);
  const keys = readPickle(cursor, options);
  if (!Array.isArray(keys)) throw corrupt('no list of storages');
  for (const key of keys) {
    const own = isName(key) ? storages.get(key) : undefined;
    if (!own) throw corrupt(`storage ${isName(key) ? key : typeof key} belongs to no tensor`);
    const size = Number(cursor.take(8).readBigInt64LE(0));
    const valueBytes = own[0]?.valueBytes as number;
    for (const storage of own) {
      if (!(storage.size <= size) || storage.valueBytes !== valueBytes) {
        throw corrupt(`storage ${key} has ${size} values for ${storage.size}`);
      }
      storage.position = cursor.position;
    }
    cursor.position += size * valueBytes;
    if (!(cursor.position <= fileBytes))
      throw corrupt(`storage ${key} ends at byte ${cursor.position} of ${fileBytes}`);
    storages.delete(key);
  }
  const [missing] = storages.keys();
  if (missing !== undefined) throw corrupt(`no storage ${missing} in it`);
  return object;
}

function bigEndian(path: string): ModelError {
  return new ModelError('was saved on a big-endian machine', path, 'save the weights again on another machine');
}

/** The storage that a persistent id describes: ('storage', class, key, device, size). */
function storageOf(id: unknown, path: string): Storage {
  const [kind, type, key, , size, view] = Array.isArray(id) ? id : [];
  const dtype = type instanceof PickleGlobal ? STORAGES[type.name.slice('torch.'.length)] : undefined;
  if (kind !== 'storage' || dtype === undefined || !isName(key) || !isCounts([size]) || view) {
    throw corruptFile(path)('its pickle keeps something other than a storage outside');
  }
  return new Storage(dtype, key, size);
}

/** All that a state_dict's pickle may name. */
function globalsOf(path: string): Map<string, PickleGlobal> {
  let room = MAX_PAIRS;
  const orderedDict = (pairs: unknown = []) => {
    if (
      !Array.isArray(pairs) ||
      pairs.length > room ||
      !pairs.every((pair) => Array.isArray(pair) && pair.length === 2)
    ) {
      throw corruptFile(path)('its pickle makes an OrderedDict of something other than pairs');
    }
    room -= pairs.length;
    return new Map(pairs as [unknown, unknown][]);
  };
  const rebuild = ([storage, offset, shape, strides]: unknown[]) => viewOf(storage, offset, shape, strides, path);
  const calls: [string, ((args: unknown[]) => unknown) | undefined][] = [
    ['collections.OrderedDict', ([pairs]) => orderedDict(pairs)],
    ['torch._utils._rebuild_tensor', rebuild],
    ['torch._utils._rebuild_tensor_v2', rebuild],
    ['torch._utils._rebuild_parameter', ([view]) => view],
    ...Object.keys(STORAGES).map((name): [string, undefined] => [`torch.${name}`, undefined]),
  ];
  return new Map(calls.map(([name, call]) => [name, new PickleGlobal(name, call)]));
}

function viewOf(storage: unknown, offset: unknown, shape: unknown, strides: unknown, path: string): View {
  const corrupt = corruptFile(path);
  if (
    !(storage instanceof Storage) ||
    !isCounts([offset]) ||
    !isSizes(shape) ||
    !isSizes(strides) ||
    shape.length !== strides.length
  ) {
    throw corrupt('a tensor has no storage, shape or strides');
  }
  const begin = offset as number;
  const size = sizeOf(shape);
  const last = shape.reduce((at, dimension, i) => at + (dimension - 1) * (strides[i] as number), begin);
  if (size > 0 && !(last < storage.size && size <= storage.size)) {
    throw corrupt(`a tensor of shape [${shape}] reads past the ${storage.size} values of storage ${storage.key}`);
  }
  return new View(storage, begin, shape, strides);
}

/** A list of sizes, as short as torch has them: a long one may be recalled for any number of tensors. */
function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= MAX_DIMENSIONS && isCounts(value);
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** The tensors of a state_dict; other values in it, such as an epoch, are left out. */
function named(object: unknown, path: string): Map<string, StoredTensor> {
  if (!(object instanceof Map)) {
    throw new ModelError('holds no state_dict', path, 'save model.state_dict() with torch.save');
  }
  const tensors = new Map<string, StoredTensor>();
  for (const [name, view] of object) {
    if (typeof name !== 'string' || !(view instanceof View)) continue;
    const { dtype } = view.storage;
    if (isFloatType(dtype)) tensors.set(name, { shape: view.shape, read: () => readView(view, dtype, path) });
  }
  return tensors;
}

function readView({ storage, offset, shape, strides }: View, dtype: FloatType, path: string): Float32Array {
  const size = sizeOf(shape);
  if (size === 0) return new Float32Array();
  const span = shape.reduce((length, dimension, i) => length + (dimension - 1) * (strides[i] as number), 1);
  const bytes = FLOAT_BYTES[dtype];
  const file = openSync(path, 'r');
  let values: Float32Array;
  try {
    values = toFloat32(readBytes(file, storage.position + offset * bytes, span * bytes), dtype, span);
  } finally {
    closeSync(file);
  }
  return isRowMajor(shape, strides) ? values : gather(values, shape, strides);
}

function isRowMajor(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== expected) return false;
    expected *= shape[i] as number;
  }
  return true;
}

function gather(values: Float32Array, shape: readonly number[], strides: readonly number[]): Float32Array {
  const result = new Float32Array(sizeOf(shape));
  const index = shape.map(() => 0);
  let at = 0;
  for (let i = 0; i < result.length; i++) {
    result[i] = values[at] as number;
    for (let d = shape.length - 1; d >= 0; d--) {
      at += strides[d] as number;
      if (++(index[d] as number) < (shape[d] as number)) break;
      at -= (index[d] as number) * (strides[d] as number);
      index[d] = 0;
    }
  }
  return result;
}
