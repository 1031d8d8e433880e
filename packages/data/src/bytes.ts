/** The bytes of one file, wherever it lies: read in order from any offset, or by range. */

import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

import { DataError } from './errors.ts';

/** Bytes a read asks the disk for. */
const CHUNK = 1 << 18;

/** A local file, a file of the hub, or anything else that can be read twice. */
export interface ByteSource {
  /** As errors name it; its end (`.csv.gz`) tells what it holds. */
  readonly name: string;
  size(): Promise<number>;
  /** The bytes from `start` up to `end`; fewer only where the file ends. */
  read(start: number, end: number): Promise<Uint8Array>;
  /** The bytes from `start` to the end, in order. */
  stream(start?: number): AsyncIterable<Uint8Array>;
  /** Frees what `read` opened. */
  close?(): Promise<void>;
}

/** A file on disk. */
export class LocalFile implements ByteSource {
  readonly name: string;
  readonly #path: string;
  #handle: Promise<FileHandle> | undefined;

  /** @param name As errors name it; the path if left out. */
  constructor(path: string, name = path) {
    this.name = name;
    this.#path = path;
  }

  async size(): Promise<number> {
    return (await (await this.#open()).stat()).size;
  }

  async read(start: number, end: number): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafeSlow(Math.max(0, end - start));
    const handle = await this.#open();
    let done = 0;
    while (done < bytes.length) {
      const { bytesRead } = await handle.read(bytes, done, bytes.length - done, start + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return bytes.subarray(0, done);
  }

  stream(start = 0): AsyncIterable<Uint8Array> {
    return createReadStream(this.#path, { start, highWaterMark: CHUNK });
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.then(
      (opened) => opened.close(),
      () => {}, // it never opened, and whoever read was told
    );
  }

  #open(): Promise<FileHandle> {
    this.#handle ??= open(this.#path, 'r');
    return this.#handle;
  }
}

/** Bytes at hand under a name: a test's, or a download's. */
export class MemoryFile implements ByteSource {
  readonly name: string;
  readonly #bytes: Uint8Array;

  constructor(name: string, bytes: Uint8Array) {
    this.name = name;
    this.#bytes = bytes;
  }

  async size(): Promise<number> {
    return this.#bytes.length;
  }

  async read(start: number, end: number): Promise<Uint8Array> {
    return this.#bytes.subarray(start, end);
  }

  async *stream(start = 0): AsyncGenerator<Uint8Array> {
    for (let at = start; at < this.#bytes.length; at += CHUNK) yield this.#bytes.subarray(at, at + CHUNK);
  }
}

export const isGzip = (name: string) => name.toLowerCase().endsWith('.gz');

/**
 * The content from `start` on: unpacked where the name ends in .gz, where `start` counts unpacked bytes.
 *
 * @throws DataError naming the file for what the disk or gzip says against it.
 */
export async function* contentOf(file: ByteSource, start = 0): AsyncGenerator<Buffer> {
  const packed = isGzip(file.name);
  const source = packed ? gunzip(file.stream()) : file.stream(start);
  let skip = packed ? start : 0; // gzip has no way in but the beginning
  try {
    for await (const chunk of source) {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      if (skip < bytes.length) yield skip > 0 ? bytes.subarray(skip) : bytes;
      skip = Math.max(0, skip - bytes.length);
    }
  } catch (cause) {
    throw readError(cause, file.name);
  }
}

/** What a disk or a decompressor said, as a DataError naming the file. */
export function readError(cause: unknown, name: string): Error {
  // An error that says its own fix (this package's, the hub's) needs no other words.
  if (cause instanceof Error && 'fix' in cause) return cause;
  const { message } = cause as Error;
  return new DataError(`cannot be read (${message})`, name, 'check the path and the file', { cause });
}

async function* gunzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const input = Readable.from(source, { objectMode: false });
  const output = input.pipe(createGunzip({ chunkSize: CHUNK }));
  input.on('error', (error) => output.destroy(error)); // pipe() does not forward errors
  try {
    yield* output;
  } finally {
    input.destroy();
    output.destroy();
  }
}
