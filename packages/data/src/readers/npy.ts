/** Vectors of an .npy file, any rows of it: nothing is held but what is asked for. */

import { type FileHandle, open } from 'node:fs/promises';

import { DataError } from '../errors.ts';
import { halfToNumber, type VectorType } from '../writers/vector-format.ts';

/** NumPy's names of the types that are read. */
const TYPES: Readonly<Record<string, VectorType>> = {
  '<f4': 'float32',
  '<f2': 'float16',
  '|i1': 'int8',
  '|u1': 'uint8',
};
const BYTES: Readonly<Record<VectorType, number>> = { float32: 4, float16: 2, int8: 1, uint8: 1 };
const HEADER =
  /^\{'descr': '(?<descr>[^']+)', 'fortran_order': False, 'shape': \((?<rows>\d+), (?<columns>\d+)\), \}\s*$/;

export class NpyFile {
  readonly path: string;
  readonly type: VectorType;
  readonly length: number;
  readonly dimension: number;
  readonly #file: FileHandle;
  readonly #start: number;

  private constructor(path: string, file: FileHandle, start: number, type: VectorType, shape: [number, number]) {
    this.path = path;
    this.#file = file;
    this.#start = start;
    this.type = type;
    [this.length, this.dimension] = shape;
  }

  /** @throws DataError for what is no .npy of rows of numbers, or is shorter than it says. */
  static async open(path: string): Promise<NpyFile> {
    const file = await open(path, 'r').catch((cause) => {
      throw new DataError(`cannot be read (${cause.message})`, path, 'check the path', { cause });
    });
    try {
      const head = Buffer.alloc(12);
      await file.read(head, 0, head.length, 0);
      const isLong = head[6] !== 1; // versions 2 and 3 have four bytes of length
      const length = isLong ? head.readUInt32LE(8) : head.readUInt16LE(8);
      const start = (isLong ? 12 : 10) + length;
      const text = Buffer.alloc(Math.min(length, 1 << 16));
      await file.read(text, 0, text.length, start - length);
      const { descr = '', rows, columns } = HEADER.exec(text.toString('latin1'))?.groups ?? {};
      const type = TYPES[descr];
      if (head.toString('latin1', 0, 6) !== '\x93NUMPY' || !type) {
        const what = 'is no .npy file of two dimensions of float32, float16, int8 or uint8';
        throw new DataError(what, path, 'save the array by numpy.save, in C order');
      }
      const found = new NpyFile(path, file, start, type, [Number(rows), Number(columns)]);
      const { size } = await file.stat();
      const needed = start + found.length * found.dimension * BYTES[type];
      if (size < needed) throw new DataError(`has ${size} bytes of ${needed}`, path, 'write or copy the file again');
      return found;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** The rows from `start` up to `end` as float32, [rows, dimension]. */
  async read(start: number, end: number): Promise<Float32Array> {
    const bytes = BYTES[this.type] * this.dimension;
    const buffer = Buffer.from(new ArrayBuffer(Math.max(0, end - start) * bytes));
    for (let done = 0; done < buffer.length; ) {
      const at = this.#start + start * bytes + done;
      const { bytesRead } = await this.#file.read(buffer, done, Math.min(buffer.length - done, 2 ** 30), at);
      if (bytesRead === 0) throw new DataError('was cut while it was read', this.path, 'write or copy the file again');
      done += bytesRead;
    }
    if (this.type === 'float32') return new Float32Array(buffer.buffer);
    if (this.type === 'float16') return Float32Array.from(new Uint16Array(buffer.buffer), halfToNumber);
    return Float32Array.from(this.type === 'int8' ? new Int8Array(buffer.buffer) : buffer);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
