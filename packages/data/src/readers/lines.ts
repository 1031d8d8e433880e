/** Runs of whole lines of a file, as bytes: cut at newlines, so that no character is cut at a chunk's edge. */

import { isUtf8 } from 'node:buffer';

import { type ByteSource, contentOf } from '../bytes.ts';
import { DataError } from '../errors.ts';

const NEWLINE = 0x0a;
/** A line longer than this has no end. */
const LONGEST = 1 << 26;
const BOM = Buffer.from('\ufeff');

/** Each run but the last ends with a newline; none is empty. The byte-order mark is part of the first. */
export async function* wholeLines(file: ByteSource, start = 0): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  let read = start;
  for await (const chunk of contentOf(file, start)) {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    read += chunk.length;
    if (end === 0) {
      rest.push(chunk);
      restBytes += chunk.length;
      if (restBytes <= LONGEST) continue;
      const what = `the line from byte ${read - restBytes} on is longer than ${LONGEST / 2 ** 20} MiB`;
      throw new DataError(what, file.name, 'give one record a line');
    }
    yield rest.length > 0 ? Buffer.concat([...rest, chunk.subarray(0, end)]) : chunk.subarray(0, end);
    rest = end < chunk.length ? [chunk.subarray(end)] : [];
    restBytes = chunk.length - end;
  }
  if (rest.length > 0) yield Buffer.concat(rest);
}

/** How many bytes of a byte-order mark a file's first bytes are. */
export function bomLength(bytes: Buffer): number {
  return bytes.subarray(0, BOM.length).equals(BOM) ? BOM.length : 0;
}

/** The text, or undefined if it is not UTF-8. */
export function decodeUtf8(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

/** The lines of a run, without their newlines. */
export function* splitLines(bytes: Buffer): Generator<Buffer> {
  let start = 0;
  for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
    yield bytes.subarray(start, end);
    start = end + 1;
  }
  if (start < bytes.length) yield bytes.subarray(start);
}
