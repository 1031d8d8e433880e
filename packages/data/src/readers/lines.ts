/** Runs of whole lines of a file, as bytes: cut at newlines, so that no character is cut at a chunk's edge. */

import { isUtf8 } from 'node:buffer';

import { type ByteSource, contentOf } from '../bytes.ts';

const NEWLINE = 0x0a;
const BOM = Buffer.from('\ufeff');

/** Each run but the last ends with a newline; none is empty. The byte-order mark is part of the first. */
export async function* wholeLines(file: ByteSource, start = 0): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  for await (const chunk of contentOf(file, start)) {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end === 0) {
      rest.push(chunk);
      continue;
    }
    yield rest.length > 0 ? Buffer.concat([...rest, chunk.subarray(0, end)]) : chunk.subarray(0, end);
    rest = end < chunk.length ? [chunk.subarray(end)] : [];
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
