/** Delimited text (CSV, TSV, .txt), with a header or names from the caller; a column whose first values are all numbers gives numbers. */

import { isUtf8 } from 'node:buffer';

import type { ByteSource } from '../bytes.ts';
import { DataError } from '../errors.ts';
import { headerHint } from '../records/known-names.ts';
import { linePrefix, rememberSource } from '../records/provenance.ts';
import { isTextName, type Row } from '../records/records.ts';
import { type CsvRecord, csvRecords, UNENDED } from './csv-records.ts';
import { delimiterOf, shownDelimiter } from './delimiter.ts';
import { bomLength, firstLine, wholeLines } from './lines.ts';
import { BadRecords, type Block, missingColumn, type Position, type ReadOptions } from './reader.ts';
import { type Problem, shapeOfCsv } from './shapes.ts';
import { TextFile } from './text.ts';

/** A record longer than this is a quote that never closes. */
const LONGEST = 1 << 24;
/** No leading zero: `007` is a name. */
const NUMBER = /^(?:-?(?:0|[1-9]\d*)(?:\.\d*)?(?:e[+-]?\d+)?|nan)$/i;
/** A first line by which Excel tells the delimiter. */
const SEPARATOR = /^sep=(.)\r?\n/i;
const NEWLINE = 0x0a;
const REPLACEMENT = '\ufffd';

/** What the header and the first rows say; part of the position, so that a read that goes on agrees. */
interface Layout {
  names: string[];
  /** Which columns hold numbers; unknown until the first rows. */
  numeric?: boolean[];
  delimiter: string;
  /** Whether the names are the caller's. */
  given: boolean;
}

/**
 * A block a chunk of the file; its position is a byte, the lines before it, and the layout.
 *
 * @throws DataError for a .txt file without columnNames or delimiter: such files have no header.
 */
export async function* csvBlocks(
  file: ByteSource,
  { columns, bad = new BadRecords(), columnNames, delimiter: given, encoding, onFile }: ReadOptions = {},
  from: Position = { byte: 0, line: 0 },
): AsyncGenerator<Block> {
  const prefix = linePrefix(file.name);
  const fail = ({ what, fix }: Problem, at: number) => new DataError(what, `${prefix}${at}`, fix);
  const kind = kindOf(file.name);
  if (kind === 'txt' && columnNames === undefined && given === undefined) {
    const fix =
      'name the columns: --columns sentence1,sentence2,label (option columnNames), or set --delimiter if there is a header';
    throw new DataError('a .txt file has no header to name its columns', file.name, fix);
  }
  if (columnNames) headerOf([...columnNames], columns, '--columns', []);
  const text = new TextFile(file, encoding, from);
  let layout = from.layout as Layout | undefined;
  let byte = from.byte as number;
  let line = from.line as number;
  let rest: Buffer = Buffer.alloc(0);

  /** From the first text of the file. */
  const found = (content: string): string => {
    const told = SEPARATOR.exec(content)?.[1];
    const delimiter = given ?? told ?? delimiterOf(content, columnNames?.length, kind === 'csv' ? ',' : '\t');
    if (columnNames) layout = { names: [...columnNames], delimiter, given: true };
    onFile?.({ file: file.name, encoding: text.encoding, delimiter: shownDelimiter(delimiter) });
    return delimiter;
  };
  let delimiter = layout?.delimiter;

  const read = (bytes: Buffer, final: boolean): Block => {
    const damaged = !isUtf8(bytes);
    const content = bytes.toString('utf8');
    delimiter ??= found(content);
    // Such files are written without quotes around fields: one in them is the text's.
    const records = csvRecords(content, delimiter, final, kind !== 'txt');
    const full: { fields: string[]; at: number }[] = [];
    let next = records.next();
    for (; !next.done; next = records.next()) {
      const record = next.value;
      const at = line + 1;
      line += record.lines;
      if (at === 1 && SEPARATOR.test(`${record.fields.join(delimiter)}\n`)) continue;
      const problem = damaged && isDamaged(record) ? text.problemOf(bytes) : record.problem;
      if (!layout) {
        if (problem) throw fail(problem, at);
        const names = headerOf(record.fields, columns, `${prefix}${at}`, record.fields);
        layout = { names, delimiter, given: false };
        continue;
      }
      if (!problem && record.fields.length === 1 && record.fields[0] === '') continue; // an empty line
      const wrong = problem ?? ragged(record.fields, layout);
      if (wrong) bad.add(fail(wrong, at));
      else full.push({ fields: record.fields, at });
    }
    rest = left(bytes, content.slice(next.value));
    byte += bytes.length - rest.length;
    if (!layout) return { rows: [], next: { byte, line, ...text.position } };
    if (!layout.numeric && full.length > 0) layout.numeric = numericColumns(layout.names, full);
    const toRow = rowMaker(layout, columns);
    const rows: Row[] = [];
    for (const { fields, at } of full) {
      const row = toRow(fields, (problem) => bad.add(fail(problem, at)));
      if (!row) continue;
      rememberSource(row, prefix, at);
      rows.push(row);
    }
    return { rows, next: { byte, line, layout, ...text.position } };
  };

  let more: Buffer[] = [];
  let moreBytes = 0;
  for await (const run of wholeLines(text, byte)) {
    if (rest.length > LONGEST) throw fail(UNENDED, line + 1);
    const skip = byte === 0 && rest.length === 0 ? bomLength(run) : 0;
    const shape = byte === 0 && rest.length === 0 ? shapeOfCsv(firstLine(run.subarray(skip))) : undefined;
    if (shape) throw new DataError(`is ${shape.what}`, file.name, shape.fix);
    byte += skip;
    more.push(run.subarray(skip));
    moreBytes += run.length - skip;
    if (moreBytes < rest.length) continue; // else a long record is read again with each chunk
    const bytes = rest.length > 0 || more.length > 1 ? Buffer.concat([rest, ...more]) : (more[0] as Buffer);
    more = [];
    moreBytes = 0;
    yield read(bytes, false);
  }
  if (rest.length + moreBytes > 0) yield read(Buffer.concat([rest, ...more]), true);
}

function kindOf(name: string): 'csv' | 'tsv' | 'txt' {
  const [, kind = 'csv'] = /\.(tsv|txt)(?:\.gz)?$/.exec(name.toLowerCase()) ?? [];
  return kind as 'csv' | 'tsv' | 'txt';
}

function isDamaged({ fields, problem }: CsvRecord): boolean {
  return problem === UNENDED || fields.some((field) => field.includes(REPLACEMENT));
}

/** The bytes of the text that is left: whole lines, so the newlines say how many. */
function left(bytes: Buffer, text: string): Buffer {
  let start = bytes.length;
  const lines = text.split('\n').length - (text === '' || text.endsWith('\n') ? 1 : 0);
  for (let i = 0; i < lines; i++) start = bytes.lastIndexOf(NEWLINE, start - 2) + 1;
  return bytes.subarray(start);
}

/** @param header What the names may be a record of, and no header. */
function headerOf(
  names: string[],
  columns: readonly string[] | undefined,
  where: string,
  header: readonly string[],
): string[] {
  const known = new Set<string>();
  const twice = names.find((name) => known.size === known.add(name).size);
  if (twice !== undefined) {
    const fix = headerHint(header)?.fix ?? 'give every column a name of its own';
    throw new DataError(`two columns named '${twice}'`, where, fix);
  }
  for (const column of columns ?? []) {
    if (!known.has(column)) throw missingColumn(column, names, where);
  }
  return names;
}

function ragged(fields: string[], { names, given, delimiter }: Layout): Problem | undefined {
  if (fields.length === names.length) return undefined;
  const what = `${fields.length} fields, but ${given ? '--columns' : 'the header'} names ${names.length} (${names.join(', ')})`;
  if (fields.length === 1) {
    return { what, fix: `set --delimiter if it is not ${shownDelimiter(delimiter)}, and give every row all fields` };
  }
  return { what, fix: 'quote fields that hold the delimiter, and give every row all fields' };
}

function numericColumns(names: string[], rows: readonly { fields: string[] }[]): boolean[] {
  return names.map((name, i) => {
    const values = rows.map(({ fields }) => fields[i] as string).filter((value) => value !== '');
    return !isTextName(name) && values.length > 0 && values.every(isNumber);
  });
}

/** A whole number that a double cannot hold is an identifier. */
function isNumber(text: string): boolean {
  return NUMBER.test(text) && (!/^-?\d+$/.test(text) || Number.isSafeInteger(Number(text)));
}

/** @returns A function from fields to the row, with the chosen columns in their order; it tells a value it refuses. */
function rowMaker({ names, numeric = [] }: Pick<Layout, 'names' | 'numeric'>, columns: readonly string[] = names) {
  const indices = new Map(names.map((name, index) => [name, index]));
  const chosen = columns.map((name) => {
    const index = indices.get(name) as number;
    return { name, index, numeric: numeric[index] };
  });
  return (fields: string[], refuse: (problem: Problem) => void): Row | undefined => {
    const row: Row = {};
    for (const { name, index, numeric } of chosen) {
      const value = fields[index] as string;
      if (!numeric) row[name] = value;
      else if (value === '') row[name] = null;
      else if (isNumber(value)) row[name] = Number(value);
      else {
        const what = `${name} is ${JSON.stringify(value.slice(0, 40))}, but the rows before hold numbers`;
        refuse({ what, fix: `give numbers in ${name}, or a text in its first row` });
        return undefined;
      }
    }
    return row;
  };
}
