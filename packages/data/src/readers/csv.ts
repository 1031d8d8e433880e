/** CSV and TSV with a header line; a column whose first values are all numbers gives numbers. */

import { isUtf8 } from 'node:buffer';

import type { ByteSource } from '../bytes.ts';
import { DataError } from '../errors.ts';
import { linePrefix, rememberSource } from '../records/provenance.ts';
import { isTextName, type Row } from '../records/records.ts';
import { type CsvRecord, csvRecords, type Problem, UNENDED } from './csv-records.ts';
import { bomLength, wholeLines } from './lines.ts';
import { BadRecords, type Block, missingColumn, type Position, type ReadOptions } from './reader.ts';

/** A record longer than this is a quote that never closes. */
const LONGEST = 1 << 24;
/** No leading zero: `007` is a name. */
const NUMBER = /^(?:-?(?:0|[1-9]\d*)(?:\.\d*)?(?:e[+-]?\d+)?|nan)$/i;
const NEWLINE = 0x0a;
const REPLACEMENT = '\ufffd';

export interface CsvOptions extends ReadOptions {
  /** By the file's name if left out: a tab for .tsv, else a comma. */
  delimiter?: string;
}

/** What the header and the first rows say; part of the position, so that a read that goes on agrees. */
interface Layout {
  names: string[];
  /** Which columns hold numbers; unknown until the first rows. */
  numeric?: boolean[];
}

/** A block a chunk of the file; its position is a byte, the lines before it, and the layout. */
export async function* csvBlocks(
  file: ByteSource,
  { columns, bad = new BadRecords(), delimiter = delimiterOf(file.name) }: CsvOptions = {},
  from: Position = { byte: 0, line: 0 },
): AsyncGenerator<Block> {
  const prefix = linePrefix(file.name);
  const fail = ({ what, fix }: Problem, at: number) => new DataError(what, `${prefix}${at}`, fix);
  let layout = from.layout as Layout | undefined;
  let byte = from.byte as number;
  let line = from.line as number;
  let rest: Buffer = Buffer.alloc(0);

  const read = (bytes: Buffer, final: boolean): Block => {
    const damaged = !isUtf8(bytes);
    const text = bytes.toString('utf8');
    const records = csvRecords(text, delimiter, final);
    const full: { fields: string[]; at: number }[] = [];
    let next = records.next();
    for (; !next.done; next = records.next()) {
      const record = next.value;
      const at = line + 1;
      line += record.lines;
      const problem = damaged && isDamaged(record) ? NOT_UTF8 : record.problem;
      if (!layout) {
        if (problem) throw fail(problem, at);
        layout = { names: headerOf(record.fields, columns, `${prefix}${at}`) };
        continue;
      }
      if (!problem && record.fields.length === 1 && record.fields[0] === '') continue; // an empty line
      const wrong = problem ?? ragged(record.fields, layout.names);
      if (wrong) bad.add(fail(wrong, at));
      else full.push({ fields: record.fields, at });
    }
    rest = left(bytes, text.slice(next.value));
    byte += bytes.length - rest.length;
    if (!layout) return { rows: [], next: { byte, line } };
    if (!layout.numeric && full.length > 0) layout.numeric = numericColumns(layout.names, full);
    const toRow = rowMaker(layout, columns);
    const rows: Row[] = [];
    for (const { fields, at } of full) {
      const row = toRow(fields, (problem) => bad.add(fail(problem, at)));
      if (!row) continue;
      rememberSource(row, prefix, at);
      rows.push(row);
    }
    return { rows, next: { byte, line, layout } };
  };

  let more: Buffer[] = [];
  let moreBytes = 0;
  for await (const run of wholeLines(file, byte)) {
    if (rest.length > LONGEST) throw fail(UNENDED, line + 1);
    const skip = byte === 0 && rest.length === 0 ? bomLength(run) : 0;
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

function delimiterOf(name: string): string {
  return /\.tsv(\.gz)?$/i.test(name) ? '\t' : ',';
}

const NOT_UTF8: Problem = { what: 'not valid UTF-8', fix: 'save the file as UTF-8' };

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

function headerOf(names: string[], columns: readonly string[] | undefined, where: string): string[] {
  const known = new Set<string>();
  const twice = names.find((name) => known.size === known.add(name).size);
  if (twice !== undefined) {
    throw new DataError(`two columns named '${twice}'`, where, 'give every column a name of its own');
  }
  for (const column of columns ?? []) {
    if (!known.has(column)) throw missingColumn(column, names, where);
  }
  return names;
}

function ragged(fields: string[], names: string[]): Problem | undefined {
  if (fields.length === names.length) return undefined;
  const what = `${fields.length} fields, but the header names ${names.length} (${names.join(', ')})`;
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
function rowMaker({ names, numeric = [] }: Layout, columns: readonly string[] = names) {
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
