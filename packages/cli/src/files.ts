/** Texts in, vectors out. */

import { isUtf8 } from 'node:buffer';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

import { OptionError, writeFileWhole } from '@uniem/core';
import { DataError, readJsonl, sourceOf } from '@uniem/data';

/** One text a line of a .txt file, the `text` field of a .jsonl file. */
export async function readTexts(path: string): Promise<string[]> {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) {
    throw new DataError('no such file', path, 'give a .txt or .jsonl file of texts');
  }
  if (path.endsWith('.txt')) return readLines(path);
  const texts: string[] = [];
  for await (const row of readJsonl(path)) {
    if (typeof row.text !== 'string') {
      throw new DataError(
        `no text; the record has {${Object.keys(row).join(', ')}}`,
        sourceOf(row),
        'give every record a field text',
      );
    }
    texts.push(row.text);
  }
  return texts;
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

/** Writes .npy (float32 [N, H], row i for text i) or .jsonl ({"embedding": […]} a line). */
export function writeVectors(path: string, vectors: readonly Float32Array[]): void {
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
