/** Where vectors lie while they are searched: in memory, or in a file of which a block at a time is read. */

import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { OptionError } from '../errors.ts';

/** Vectors by number; a NpyFile of @uniem/data is one too. */
export interface VectorSource {
  readonly length: number;
  /** Values of a vector. */
  readonly dimension: number;
  /** Those from `start` up to `end`, float32 [end − start, dimension]; the caller does not change them. */
  read(start: number, end: number): Promise<Float32Array>;
}

/** Vectors at hand. */
export function vectorsInMemory(vectors: readonly Float32Array[]): VectorSource {
  const dimension = vectors[0]?.length ?? 0;
  return {
    length: vectors.length,
    dimension,
    async read(start, end) {
      const block = new Float32Array((end - start) * dimension);
      for (let i = start; i < end; i++) block.set(vectors[i] as Float32Array, (i - start) * dimension);
      return block;
    },
  };
}

/** Vectors that are added one after another: in memory up to a bound, from there on in a file without a name. */
export class VectorStore implements VectorSource {
  readonly #limit: number;
  #kept: Float32Array[] = [];
  /** The file, in which every vector is once there is one. */
  #file: number | undefined;
  #length = 0;
  #dimension = 0;

  /** @param limit Bytes held in memory at most. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#length;
  }

  get dimension(): number {
    return this.#dimension;
  }

  /** Whether the vectors lie on the disk. */
  get isOnDisk(): boolean {
    return this.#file !== undefined;
  }

  add(vectors: readonly Float32Array[]): void {
    this.#dimension ||= vectors[0]?.length ?? 0;
    this.#length += vectors.length;
    if (this.#file === undefined && this.#length * this.#dimension * 4 > this.#limit) {
      this.#file = unnamedFile();
      this.#append(this.#kept);
      this.#kept = [];
    }
    if (this.#file === undefined) for (const vector of vectors) this.#kept.push(vector);
    else this.#append(vectors);
  }

  async read(start: number, end: number): Promise<Float32Array> {
    const block = new Float32Array((end - start) * this.#dimension);
    if (this.#file === undefined) {
      for (let i = start; i < end; i++) block.set(this.#kept[i] as Float32Array, (i - start) * this.#dimension);
      return block;
    }
    const bytes = new Uint8Array(block.buffer);
    for (let done = 0; done < bytes.length; ) {
      const at = start * this.#dimension * 4 + done;
      const read = readSync(this.#file, bytes, done, Math.min(bytes.length - done, 2 ** 30), at);
      if (read === 0) throw new Error(`internal: no vectors ${start} to ${end} in the file`);
      done += read;
    }
    return block;
  }

  /** Frees memory and disk. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    this.#kept = [];
    this.#length = 0;
  }

  #append(vectors: readonly Float32Array[]): void {
    const block = new Float32Array(vectors.length * this.#dimension);
    vectors.forEach((vector, i) => {
      block.set(vector, i * this.#dimension);
    });
    const bytes = new Uint8Array(block.buffer);
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#file as number, bytes, done);
    } catch (cause) {
      const what = `the vectors could not be written (${(cause as Error).message})`;
      throw new OptionError(what, tmpdir(), 'free disk space, set TMPDIR to another disk, or raise the memory', {
        cause,
      });
    }
  }
}

/** A file that is gone with its process, however that ends. */
function unnamedFile(): number {
  const folder = mkdtempSync(join(tmpdir(), 'uniem-vectors-'));
  const path = join(folder, 'vectors');
  const file = openSync(path, 'w+');
  try {
    rmSync(folder, { recursive: true });
  } catch {
    // Windows keeps an open file's name: the folder of temporary files is its place
  }
  return file;
}
