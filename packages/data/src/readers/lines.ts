/** Runs of whole lines of a file, as bytes: cut at newlines, so that no character is cut at a chunk's edge. */

import { isUtf8 } from 'node:buffer';

import { DataError } from '../errors.ts';
import type { TextFile } from './text.ts';

const NEWLINE = 0x0a;
/** A line longer than this has no end. */
const LONGEST = 1 << 26;
const BOM = Buffer.from('\ufeff');
/** Bytes of a first line that are looked at. */
const LOOK = 1 << 12;

/** Each run but the last ends with a newline; none is empty. The byte-order mark is part of the first. */
export async function* wholeLines(file: TextFile, start = 0): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  let read = start;
  for await (const chunk of file.content(start)) {
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

/** The beginning of the first line, as far as a look at a file's shape needs it. */
export function firstLine(bytes: Buffer): string {
  const head = bytes.subarray(0, LOOK);
  const end = head.indexOf(NEWLINE);
  return head.subarray(0, end < 0 ? head.length : end).toString('utf8');
}
