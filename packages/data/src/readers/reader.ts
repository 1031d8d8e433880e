/** What every reader of a file format is: blocks of rows, and where each block ends so that reading can go on there. */

import { CALLBACK, type Kind, NAME, OBJECT, TEXT } from '@uniem/hub/arguments';

import type { ByteSource } from '../bytes.ts';
import { DataError } from '../errors.ts';
import type { OnBadRecord } from '../names.ts';
import type { Row } from '../records/records.ts';

/** Where a block begins: plain JSON, understood by the reader that made it. */
export type Position = Readonly<Record<string, unknown>>;

/** Rows in file order. */
export interface Block {
  rows: Row[];
  /** Where the next block begins. */
  next: Position;
  /** The names of a column's classes, by column, where the file says that its numbers stand for them. */
  classNames?: ClassNames;
}

/** Names of classes by column: number i stands for name i. */
export type ClassNames = Readonly<Record<string, readonly string[]>>;

/** How a file was read. */
export interface FileReport {
  file: string;
  /** Of text; undefined for Parquet and Arrow. */
  encoding?: string | undefined;
  /** Of delimited text. */
  delimiter?: string | undefined;
  /** The key whose list holds the records, of JSON. */
  field?: string | undefined;
  /** The names of classes that its columns' numbers stand for, of Parquet and Arrow. */
  classNames?: ClassNames | undefined;
}

/** How files are to be read, where that is not as they say themselves. */
export interface FormatOptions {
  /** The names of the columns of delimited text (CSV, TSV, .txt) that has no header. */
  columnNames?: readonly string[] | undefined;
  /** Between the fields of delimited text; found in its first lines if left out. */
  delimiter?: string | undefined;
  /** Of text, by TextDecoder's names: gb18030, gbk, utf-16le. A byte-order mark goes before it; UTF-8 if left out. */
  encoding?: string | undefined;
  /** The key of a JSON object whose list holds the records. */
  field?: string | undefined;
}

export interface ReadOptions extends FormatOptions {
  /** The columns to read, in this order; all if left out. */
  columns?: readonly string[] | undefined;
  /** What to do with a record that cannot be read; an error if left out. */
  bad?: BadRecords | undefined;
  /** Numbers for the values of a column, `label` if no other is named; class numbers are looked up by their names. */
  labelMap?: Readonly<Record<string, number>> | undefined;
  labelColumn?: string | undefined;
  /** Names of classes that are known beside the file. */
  classNames?: ClassNames | undefined;
  /** Is told of each file that is read from its beginning. */
  onFile?: ((report: FileReport) => void) | undefined;
}

const NAMES: Kind = {
  name: 'an array of strings',
  is: (value) => Array.isArray(value) && value.every((name) => typeof name === 'string'),
};

/** What the options of reading have to be, for the checks of whoever takes them. */
export const READ_OPTIONS = {
  columns: NAMES,
  columnNames: NAMES,
  delimiter: NAME,
  encoding: TEXT,
  field: TEXT,
  labelMap: {
    name: 'an object of finite numbers by label',
    is: (value) => OBJECT.is(value) && Object.values(value as object).every(Number.isFinite),
  },
  labelColumn: NAME,
  classNames: OBJECT,
  onFile: CALLBACK,
} as const satisfies Record<Exclude<keyof ReadOptions, 'bad'>, Kind>;

/**
 * Reads a file from a position of its own, or from the start.
 *
 * A reader pulls bytes only when it is asked for a block, and closes the file when the loop over it ends.
 */
export type Reader = (file: ByteSource, options?: ReadOptions, from?: Position) => AsyncGenerator<Block>;

/** How many messages of skipped records are kept. */
const NAMED = 5;

/** Counts the records that were skipped, or throws the first. */
export class BadRecords {
  readonly mode: OnBadRecord;
  count = 0;
  /** What was wrong with the first five, each with its file and line or row. */
  readonly first: string[] = [];
  readonly #seen = new Set<string>();
  #told = 0;

  constructor(mode: OnBadRecord = 'error') {
    this.mode = mode;
  }

  /**
   * Counts a record once, however often its file is read.
   *
   * @throws The error itself, unless records are skipped.
   */
  add(error: DataError): void {
    if (this.mode === 'error') throw error;
    const message = error.message.split('\n')[0] as string;
    if (this.#seen.has(message)) return;
    this.#seen.add(message);
    this.count += 1;
    if (this.first.length < NAMED) this.first.push(message);
  }

  /** Tells node's warning channel (stderr, mostly) what was skipped since it was last told. */
  warn(): void {
    if (this.count > this.#told) process.emitWarning(this.report(), 'BadRecordsWarning');
    this.#told = this.count;
  }

  /** The count and the first five, for a log; empty if there are none. */
  report(): string {
    if (this.count === 0) return '';
    const rest = this.count > this.first.length ? [`… and ${this.count - this.first.length} more`] : [];
    const noun = this.count === 1 ? 'record' : 'records';
    return [`skipped ${this.count} bad ${noun}:`, ...this.first, ...rest].join('\n  ');
  }
}

/** The rows of all blocks. */
export async function* rowsOf(blocks: AsyncIterable<Block>): AsyncGenerator<Row> {
  for await (const { rows } of blocks) yield* rows;
}

/** Makes a row have the chosen columns and no others, in their order. */
export function columnPicker(columns: readonly string[] | undefined): (row: Row, where: () => string) => Row {
  if (!columns) return (row) => row;
  return (row, where) => {
    const picked: Row = {};
    for (const column of columns) {
      if (!Object.hasOwn(row, column)) throw missingColumn(column, Object.keys(row), where());
      picked[column] = row[column];
    }
    return picked;
  };
}

export function missingColumn(column: string, found: readonly string[], where: string): DataError {
  return new DataError(`no column '${column}'`, where, `name columns of {${found.join(', ')}}`);
}
