/** JSON Lines, plain or gzipped. */

import { NAME } from '@uniem/hub/arguments';

import { requireKind } from '../arguments.ts';
import { type ByteSource, LocalFile } from '../bytes.ts';
import { DataError } from '../errors.ts';
import { linePrefix, rememberSource } from '../records/provenance.ts';
import type { Row } from '../records/records.ts';
import { bomLength, decodeUtf8, firstLine, splitLines, wholeLines } from './lines.ts';
import { BadRecords, type Block, columnPicker, type Position, type ReadOptions, rowsOf } from './reader.ts';
import { shapeOfJsonl } from './shapes.ts';
import { TextFile } from './text.ts';

/**
 * Yields one row a line; empty lines are skipped, a byte-order mark at the start is accepted.
 *
 * @throws DataError with file:line for a line that is not UTF-8, not JSON, or not an object.
 */
export function readJsonl(path: string): AsyncGenerator<Row> {
  requireKind(path, NAME, 'path');
  return rowsOf(jsonlBlocks(new LocalFile(path)));
}

/** A block a chunk of the file; its position is a byte and the lines before it. */
export async function* jsonlBlocks(
  file: ByteSource,
  { columns, bad = new BadRecords(), encoding, onFile }: ReadOptions = {},
  from: Position = { byte: 0, line: 0 },
): AsyncGenerator<Block> {
  const prefix = linePrefix(file.name);
  const pick = columnPicker(columns);
  let byte = from.byte as number;
  let line = from.line as number;
  const text = new TextFile(file, encoding, from);
  for await (const run of wholeLines(text, byte)) {
    const rows: Row[] = [];
    const content = byte === 0 ? run.subarray(bomLength(run)) : run;
    if (byte === 0) {
      onFile?.({ file: file.name, encoding: text.encoding });
      const shape = shapeOfJsonl(firstLine(content));
      if (shape) throw new DataError(`is ${shape.what}`, file.name, shape.fix); // whatever becomes of bad records
    }
    for (const lineText of linesOf(content)) {
      line += 1;
      const at = line;
      const where = () => `${prefix}${at}`;
      try {
        if (lineText === undefined) throw damaged(text, run, where());
        if (isBlank(lineText)) continue;
        const row = pick(parse(lineText, where), where);
        rememberSource(row, prefix, line);
        rows.push(row);
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        bad.add(error);
      }
    }
    byte += run.length;
    yield { rows, next: { byte, line, ...text.position } };
  }
}

function damaged(text: TextFile, run: Buffer, where: string): DataError {
  const { what, fix } = text.problemOf(run);
  return new DataError(what, where, fix);
}

/** The lines as text; one that is not UTF-8 is undefined. */
function linesOf(run: Buffer): Iterable<string | undefined> {
  const text = decodeUtf8(run);
  if (text === undefined) return Array.from(splitLines(run), decodeUtf8);
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop(); // what follows the last newline
  return lines;
}

/** A line of JSON begins with a brace: only others need a second look. */
function isBlank(text: string): boolean {
  return text.charCodeAt(0) !== 0x7b && /^[ \t\r]*$/.test(text);
}

function parse(text: string, where: () => string): Row {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DataError(`not JSON (${(cause as Error).message})`, where(), 'give one JSON object a line', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DataError(`${text.slice(0, 40)} is not an object`, where(), 'give one JSON object a line');
  }
  return value as Row;
}
