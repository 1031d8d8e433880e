/** JSON Lines, plain or gzipped, one row at a time. */

import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';

import { DataError } from '../errors.ts';
import { type Row, rememberSource } from '../records.ts';

const NEWLINE = 0x0a;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Yields one row a line; empty lines are skipped, a byte-order mark at the start is accepted.
 *
 * @throws DataError with file:line for a line that is not UTF-8, not JSON, or not an object.
 */
export async function* readJsonl(path: string): AsyncGenerator<Row> {
  let line = 0;
  for await (const bytes of linesOf(path)) {
    line += 1;
    const where = `${path}:${line}`;
    let text = decode(bytes, where);
    if (line === 1) text = text.replace(/^\ufeff/, '');
    if (/^[ \t\r]*$/.test(text)) continue;
    const row = parse(text, where);
    rememberSource(row, where);
    yield row;
  }
}

function decode(bytes: Buffer, where: string): string {
  try {
    return UTF8.decode(bytes);
  } catch (cause) {
    throw new DataError('not valid UTF-8', where, 'save the file as UTF-8', { cause });
  }
}

function parse(text: string, where: string): Row {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DataError(`not JSON (${(cause as Error).message})`, where, 'give one JSON object a line', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DataError(`${text.slice(0, 40)} is not an object`, where, 'give one JSON object a line');
  }
  return value as Row;
}

/** The stream's chunks; what the disk or gzip says against it becomes a DataError. */
async function* readable(stream: AsyncIterable<Buffer>, path: string): AsyncGenerator<Buffer> {
  try {
    yield* stream;
  } catch (cause) {
    throw new DataError(`cannot be read (${(cause as Error).message})`, path, 'check the path and the file', { cause });
  }
}

/** Bytes between newlines: split before decoding, so that no character is cut at a chunk's edge. */
async function* linesOf(path: string): AsyncGenerator<Buffer> {
  const file = createReadStream(path);
  const stream = path.endsWith('.gz') ? file.pipe(createGunzip()) : file;
  file.on('error', (error) => stream.destroy(error)); // pipe() does not forward errors
  let rest: Buffer[] = [];
  for await (const chunk of readable(stream, path)) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      yield Buffer.concat([...rest, chunk.subarray(start, end)]);
      rest = [];
      start = end + 1;
    }
    if (start < chunk.length) rest.push(chunk.subarray(start));
  }
  if (rest.length > 0) yield Buffer.concat(rest);
}
