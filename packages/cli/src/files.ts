/** Texts in, vectors out. */

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

import { DataError, readJsonl } from '@uniem/data';

/** One text a line of a .txt file, the `text` field of a .jsonl file. */
export async function readTexts(path: string): Promise<string[]> {
  if (!existsSync(path)) throw new DataError('no such file', path, 'give a .txt or .jsonl file of texts');
  if (path.endsWith('.txt')) {
    const lines = readFileSync(path, 'utf8').split(/\r?\n/);
    if (lines.at(-1) === '') lines.pop(); // the newline that ends the last line
    return lines;
  }
  const texts: string[] = [];
  for await (const row of readJsonl(path)) {
    if (typeof row.text !== 'string') {
      throw new DataError(
        `no text; the record has {${Object.keys(row).join(', ')}}`,
        `${path}, record ${texts.length + 1}`,
        'give every record a field text',
      );
    }
    texts.push(row.text);
  }
  return texts;
}

/** Writes .npy (float32 [N, H], row i for text i) or .jsonl ({"embedding": […]} a line); whole or not at all. */
export function writeVectors(path: string, vectors: readonly Float32Array[]): void {
  const content = path.endsWith('.npy')
    ? npy(vectors)
    : vectors.map((vector) => `${JSON.stringify({ embedding: [...vector] })}\n`).join('');
  const partial = `${path}.partial-${process.pid}`;
  writeFileSync(partial, content);
  renameSync(partial, path);
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
