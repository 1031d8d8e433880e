/** Texts in, vectors out. */

import { isUtf8 } from 'node:buffer';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

import { OptionError, writeFileWhole } from '@uniem/core';
import { DataError, Dataset, IterableDataset, loadDataset, type Row, readJsonl, sourceOf } from '@uniem/data';

export interface ReadingOptions {
  /** The field that holds the texts; a .txt file has none. */
  column?: string | undefined;
  /** Of what has splits. */
  split?: string | undefined;
}

/**
 * One text a line of a .txt file; the column `text`, or another, of any dataset.
 *
 * @throws DataError for what is not there, and for a record without a text, naming its line.
 */
export async function readTexts(path: string, { column = 'text', split }: ReadingOptions = {}): Promise<string[]> {
  const isFile = statSync(path, { throwIfNoEntry: false })?.isFile();
  if (path.endsWith('.txt')) {
    if (isFile) return readLines(path);
    throw new DataError('no such file', path, 'give a file of texts');
  }
  const texts: string[] = [];
  for await (const row of rowsOf(path, split)) {
    const text = row[column];
    if (typeof text !== 'string') {
      throw new DataError(
        `no ${column}; the record has {${Object.keys(row).join(', ')}}`,
        sourceOf(row),
        `give every record a field ${column}`,
      );
    }
    texts.push(text);
  }
  return texts;
}

async function* rowsOf(path: string, split: string | undefined): AsyncGenerator<Row> {
  if (split !== undefined) yield* await loadDataset(path, { split, streaming: true });
  else if (/\.jsonl(\.gz)?$/.test(path)) yield* readJsonl(path);
  else {
    const loaded = await loadDataset(path, { streaming: true, withoutTrain: true });
    const splits = loaded instanceof IterableDataset ? [loaded] : Object.values(loaded);
    if (splits.length > 1) {
      const names = Object.keys(loaded).join(', ');
      throw new OptionError(`${path} has several splits: ${names}`, '--split', 'choose one of them, or all');
    }
    yield* splits[0] as IterableDataset;
  }
}

function readLines(path: string): string[] {
  const bytes = readFileSync(path);
  if (!isUtf8(bytes)) {
    const lines = bytes.toString('latin1').split('\n'); // one character a byte: lines are cut where they were
    const bad = lines.findIndex((line) => !isUtf8(Buffer.from(line, 'latin1')));
    throw new DataError('not valid UTF-8', `${path}:${bad + 1}`, 'save the file as UTF-8');
  }
  const lines = bytes
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop(); // the newline that ends the last line
  return lines;
}

/** @throws OptionError where the folder of an output file is not there; to be asked before the work, not after it. */
export function requireFolderOf(path: string): void {
  if (existsSync(dirname(path))) return;
  throw new OptionError('no such folder', dirname(path), 'make it, or choose another path for the output');
}

/** Writes .npy (float32 [N, H], row i for text i), .jsonl ({"embedding": […]} a line) or .parquet of the same column. */
export async function writeVectors(path: string, vectors: readonly Float32Array[]): Promise<void> {
  if (path.endsWith('.parquet')) {
    await Dataset.fromRows(vectors.map((vector) => ({ embedding: [...vector] }))).toParquet(path);
    return;
  }
  const lines = () => vectors.map((vector) => `${JSON.stringify({ embedding: [...vector] })}\n`).join('');
  writeFileWhole(path, path.endsWith('.npy') ? npy(vectors) : lines());
}

/** Format: numpy/lib/format.py, version 1.0. */
function npy(vectors: readonly Float32Array[]): Buffer {
  const columns = vectors[0]?.length ?? 0;
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${vectors.length}, ${columns}), }`;
  const padded = `${header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11)}\n`; // data begin at a multiple of 64
  const head = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${padded}`, 'latin1');
  head.writeUInt16LE(padded.length, 8);
  return Buffer.concat([head, ...vectors.map((v) => new Uint8Array(v.buffer, v.byteOffset, v.byteLength))]);
}
