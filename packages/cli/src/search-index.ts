/**
 * A folder that can be searched: vectors.npy, the rows they were made of, and index.json, which is written last. Nothing
 * of it is held in memory but the blocks that are read.
 */

import { existsSync, readFileSync } from 'node:fs';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { refuseForeignFolder, writeFileWhole } from '@uniem/core';
import { DataError, type Row } from '@uniem/data';
import { NpyFile } from '@uniem/data/files';
import { z } from 'zod';

const schema = z.strictObject({
  version: z.literal(1),
  /** What encoded the texts. */
  model: z.string(),
  texts: z.int().nonnegative(),
  column: z.string(),
  pooling: z.string().optional(),
  truncateDim: z.int().positive().optional(),
});

export type Manifest = z.output<typeof schema>;

/** Rows that become bytes at once. */
const LINES = 1024;

export const indexFile = (folder: string, name: string) => join(folder, name);

/** Makes the folder ready to be filled; an earlier index in it is none from here on. @throws OptionError for another's. */
export async function beginIndex(folder: string): Promise<void> {
  refuseForeignFolder(folder, ['index.json', 'vectors.npy', 'vectors.npy.partial']);
  await mkdir(folder, { recursive: true });
  await rm(indexFile(folder, 'index.json'), { force: true });
}

/** Writes the rows, and where each begins. @returns How many. */
export async function writeRows(folder: string, rows: AsyncIterable<Row>): Promise<number> {
  const [lines, offsets] = await Promise.all([
    open(indexFile(folder, 'rows.jsonl'), 'w'),
    open(indexFile(folder, 'rows.offsets'), 'w'),
  ]);
  let [count, bytes] = [0, 0];
  let pending: Buffer[] = [];
  const write = async () => {
    const starts = new Float64Array(pending.length);
    pending.forEach((line, i) => {
      starts[i] = bytes;
      bytes += line.length;
    });
    await lines.writeFile(Buffer.concat(pending));
    await offsets.writeFile(new Uint8Array(starts.buffer));
    count += pending.length;
    pending = [];
  };
  try {
    for await (const row of rows) {
      pending.push(
        Buffer.from(`${JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? `${value}` : value))}\n`),
      );
      if (pending.length === LINES) await write();
    }
    await write();
    await offsets.writeFile(new Uint8Array(Float64Array.of(bytes).buffer));
  } finally {
    await lines.close();
    await offsets.close();
  }
  return count;
}

export function finishIndex(folder: string, manifest: Manifest): void {
  writeFileWhole(indexFile(folder, 'index.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** A finished index, open. */
export class SearchIndex {
  readonly manifest: Manifest;
  /** Float32 [texts, values], of length 1. */
  readonly vectors: NpyFile;
  readonly #rows: FileHandle;
  readonly #offsets: FileHandle;

  private constructor(manifest: Manifest, vectors: NpyFile, rows: FileHandle, offsets: FileHandle) {
    this.manifest = manifest;
    this.vectors = vectors;
    this.#rows = rows;
    this.#offsets = offsets;
  }

  /** @throws DataError for a folder that holds no index, or half of one. */
  static async open(folder: string): Promise<SearchIndex> {
    const path = indexFile(folder, 'index.json');
    if (!existsSync(path)) {
      throw new DataError('no index.json', folder, 'make the index by: uniem search index, with --resume after a kill');
    }
    let manifest: Manifest;
    try {
      manifest = schema.parse(JSON.parse(readFileSync(path, 'utf8')));
    } catch (cause) {
      throw new DataError('is no index of uniem search', path, 'make the index again', { cause });
    }
    const vectors = await NpyFile.open(indexFile(folder, 'vectors.npy'));
    if (vectors.length !== manifest.texts) {
      await vectors.close();
      const what = `${vectors.length} vectors for ${manifest.texts} texts`;
      throw new DataError(what, indexFile(folder, 'vectors.npy'), 'make the index again');
    }
    const rows = await open(indexFile(folder, 'rows.jsonl'), 'r');
    return new SearchIndex(manifest, vectors, rows, await open(indexFile(folder, 'rows.offsets'), 'r'));
  }

  /** The row of a text, by its number. */
  async row(index: number): Promise<Row> {
    const ends = new Float64Array(2);
    await this.#offsets.read(new Uint8Array(ends.buffer), 0, 16, index * 8);
    const [start, end] = ends as unknown as [number, number];
    const line = Buffer.alloc(end - start);
    await this.#rows.read(line, 0, line.length, start);
    return JSON.parse(line.toString('utf8')) as Row;
  }

  async close(): Promise<void> {
    await Promise.all([this.vectors.close(), this.#rows.close(), this.#offsets.close()]);
  }
}
