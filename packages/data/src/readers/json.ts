/** A JSON array of objects (MEDI's files), or objects one after another; streamed, so of any size. */

import type { ByteSource } from '../bytes.ts';
import { contentOf } from '../bytes.ts';
import { DataError } from '../errors.ts';
import { rememberSource, rowPrefix } from '../records/provenance.ts';
import type { Row } from '../records/records.ts';
import { JsonScanner, type Place } from './json-scanner.ts';
import { decodeUtf8 } from './lines.ts';
import { BadRecords, type Block, columnPicker, type Position, type ReadOptions } from './reader.ts';

/** A record longer than this is a bracket or quote that never closes. */
const LONGEST = 1 << 26;

/**
 * A block a chunk of the file; its position is a byte between elements and the rows before it.
 *
 * @throws DataError with file and row for what is not JSON, not an object or not UTF-8.
 */
export async function* jsonBlocks(
  file: ByteSource,
  { columns, bad = new BadRecords() }: ReadOptions = {},
  from: Position = { byte: 0, row: 0, place: 'start' },
): AsyncGenerator<Block> {
  const prefix = rowPrefix(file.name);
  const pick = columnPicker(columns);
  const scanner = new JsonScanner(from.place as Place);
  let row = from.row as number;
  let byte = from.byte as number;
  for await (const chunk of contentOf(file, byte)) {
    const rows: Row[] = [];
    for (const element of scanner.push(chunk)) {
      row += 1;
      const where = () => `${prefix}${row}`;
      try {
        const record = pick(parse(element, where), where);
        rememberSource(record, prefix, row);
        rows.push(record);
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        bad.add(error);
      }
    }
    byte += chunk.length;
    if (scanner.stray !== undefined) throw strayError(scanner, file.name, row);
    if (scanner.pendingBytes > LONGEST) {
      const what = `longer than ${LONGEST / 2 ** 20} MiB`;
      throw new DataError(what, `${prefix}${row + 1}`, 'close the quote or bracket that this record leaves open');
    }
    yield { rows, next: { byte: byte - scanner.pendingBytes, row, place: scanner.place } };
  }
  if (scanner.pendingBytes > 0 || scanner.place === 'first' || scanner.place === 'next') {
    bad.add(
      new DataError('the file ends within this record', `${prefix}${row + 1}`, 'copy or download the file again'),
    );
  }
}

function strayError({ stray, place }: JsonScanner, name: string, row: number): DataError {
  const after = row === 0 ? 'at the start' : `after row ${row}`;
  const fix =
    place === 'closed' ? 'end the file after its array' : 'give one array of objects, or objects one after another';
  return new DataError(`'${stray}' ${after}`, name, fix);
}

function parse(bytes: Buffer, where: () => string): Row {
  const text = decodeUtf8(bytes);
  if (text === undefined) throw new DataError('not valid UTF-8', where(), 'save the file as UTF-8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DataError(`not JSON (${(cause as Error).message})`, where(), 'correct this record', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DataError(`${text.trim().slice(0, 40)} is not an object`, where(), 'give an array of objects');
  }
  return value as Row;
}
