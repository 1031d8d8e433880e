/** What every reader of a file format is: blocks of rows, and where each block ends so that reading can go on there. */

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
}

export interface ReadOptions {
  /** The columns to read, in this order; all if left out. */
  columns?: readonly string[] | undefined;
  /** What to do with a record that cannot be read; an error if left out. */
  bad?: BadRecords | undefined;
}

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
