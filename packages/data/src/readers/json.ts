/** A JSON array of objects (MEDI's files), by itself or under a key, or objects one after another; streamed, so of any size. */

import type { ByteSource } from '../bytes.ts';
import { DataError } from '../errors.ts';
import { rememberSource, rowPrefix } from '../records/provenance.ts';
import type { Row } from '../records/records.ts';
import { type FoundField, fieldOf } from './json-field.ts';
import { JsonScanner, type Place } from './json-scanner.ts';
import { decodeUtf8 } from './lines.ts';
import { BadRecords, type Block, columnPicker, type Position, type ReadOptions } from './reader.ts';
import { TextFile } from './text.ts';

/** A record longer than this is a bracket or quote that never closes. */
const LONGEST = 1 << 26;

/**
 * A block a chunk of the file; its position is a byte between elements and the rows before it.
 *
 * @throws DataError with file and row for what is not JSON, not an object or not UTF-8.
 */
export async function* jsonBlocks(
  file: ByteSource,
  { columns, bad = new BadRecords(), encoding, field, onFile }: ReadOptions = {},
  from: Position = { byte: 0, row: 0, place: 'start' },
): AsyncGenerator<Block> {
  const prefix = rowPrefix(file.name);
  const pick = columnPicker(columns);
  const text = new TextFile(file, encoding, from);
  let within = from.within === true;
  let byte = from.byte as number;
  let place = from.place as Place;
  if (place === 'start' && byte === 0) {
    const found = await fieldOf(text, field);
    onFile?.({ file: file.name, encoding: text.encoding, field: found?.name });
    if (found?.isFound) tellField(found, file.name);
    if (found) [within, byte, place] = [true, found.start, 'first'];
  }
  const scanner = new JsonScanner(place);
  let row = from.row as number;
  for await (const chunk of text.content(byte)) {
    const rows: Row[] = [];
    for (const element of scanner.push(chunk)) {
      row += 1;
      const where = () => `${prefix}${row}`;
      try {
        const record = pick(parse(element, where, text), where);
        rememberSource(record, prefix, row);
        rows.push(record);
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        bad.add(error);
      }
    }
    byte += chunk.length;
    if (within && scanner.place === 'closed') {
      yield { rows, next: { byte, row, place: 'closed', within, ...text.position } };
      return; // what follows is the object's
    }
    if (scanner.stray !== undefined) throw strayError(scanner, file.name, row);
    if (scanner.pendingBytes > LONGEST) {
      const what = `longer than ${LONGEST / 2 ** 20} MiB`;
      throw new DataError(what, `${prefix}${row + 1}`, 'close the quote or bracket that this record leaves open');
    }
    const at = { byte: byte - scanner.pendingBytes, row, place: scanner.place };
    yield { rows, next: { ...at, ...(within ? { within } : {}), ...text.position } };
  }
  if (scanner.pendingBytes > 0 || scanner.place === 'first' || scanner.place === 'next') {
    bad.add(
      new DataError('the file ends within this record', `${prefix}${row + 1}`, 'copy or download the file again'),
    );
  }
}

/** To node's warning channel, as what was skipped is. */
function tellField({ name }: FoundField, file: string): void {
  process.emitWarning(
    `${file}: reading the records under '${name}', the only key that holds a list of objects`,
    'DataWarning',
  );
}

function strayError({ stray, place }: JsonScanner, name: string, row: number): DataError {
  const after = row === 0 ? 'at the start' : `after row ${row}`;
  const fix =
    place === 'closed' ? 'end the file after its array' : 'give one array of objects, or objects one after another';
  return new DataError(`'${stray}' ${after}`, name, fix);
}

function parse(bytes: Buffer, where: () => string, file: TextFile): Row {
  const text = decodeUtf8(bytes);
  if (text === undefined) {
    const { what, fix } = file.problemOf(bytes);
    throw new DataError(what, where(), fix);
  }
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
