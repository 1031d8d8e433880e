/** Texts from wherever rows are read: a file or folder, the hub, or standard input, one after another. */

import { existsSync, statSync } from 'node:fs';

import { OptionError } from '@uniem/core';
import { DataError, IterableDataset, type Row, requireUsed, sourceOf } from '@uniem/data';
import { type ByteSource, LocalFile, readTextLines } from '@uniem/data/files';

import type { FormatFlags, STDIN_FORMATS } from './data-flags.ts';
import { DatasetLoader, formatOptions } from './reading.ts';

export interface TextInput {
  /** A path, a name of the hub, or - for standard input. */
  input: string;
  /** The column of the text. */
  column: string;
  /** Further columns that are kept. */
  columns?: readonly string[] | undefined;
  split?: string | undefined;
  stdinFormat: (typeof STDIN_FORMATS)[number];
  /** How the file is to be read. */
  format?: Partial<FormatFlags> | undefined;
}

const isStdin = (input: string) => input === '-';
const isPlainText = (name: string) => /\.txt(\.gz)?$/i.test(name);

/**
 * Rows with the text and the columns asked for, read as they are used.
 *
 * @throws DataError for an input that is not there, has no such column, or has no use for a flag of its format.
 */
export async function openTexts({
  input,
  column,
  columns = [],
  split,
  stdinFormat,
  format = {},
}: TextInput): Promise<AsyncIterable<Row>> {
  const wanted = [...new Set([column, ...columns])];
  const name = isStdin(input) ? `stdin.${stdinFormat}` : input;
  const options = formatOptions(format);
  const hasFields = options.columnNames !== undefined || options.delimiter !== undefined;
  if (isPlainText(name) && !hasFields) {
    requireUsed([name], options, name);
    const other = wanted.find((one) => one !== 'text');
    if (other !== undefined) {
      throw new OptionError(`no column '${other}' in lines of plain text`, name, "leave it out: the column is 'text'");
    }
    if (!isStdin(input) && !existsSync(input)) {
      throw new DataError(
        'no such file',
        input,
        'give a file of texts, a folder, a name of the hub, or - for standard input',
      );
    }
    const file = isStdin(input) ? new Stdin(name) : new LocalFile(input);
    return IterableDataset.fromGenerator(() => readTextLines(file, { encoding: options.encoding }));
  }
  if (isStdin(input)) {
    requireUsed([name], options, name);
    return IterableDataset.fromFiles([() => new Stdin(name)], { ...options, columns: wanted });
  }
  const loader = new DatasetLoader(format);
  const rows = await loader.load(input, { streaming: true, split: split ?? 'all', columns: wanted });
  loader.requireAllUsed();
  return rows as IterableDataset;
}

/** Whether the rows can be read a second time, to count them. */
export const isReadTwice = ({ input }: Pick<TextInput, 'input'>) => !isStdin(input) && existsSync(input);

export async function countRows(rows: AsyncIterable<Row>): Promise<number> {
  let count = 0;
  for await (const _ of rows) count += 1;
  return count;
}

/** @throws DataError where a row's column is no text. */
export function textOf(row: Row, column: string): string {
  const text = row[column];
  if (typeof text === 'string') return text;
  const what =
    text === undefined ? `no ${column}; the record has {${Object.keys(row).join(', ')}}` : `${column} is no text`;
  throw new DataError(what, sourceOf(row), `give every record a text in its column ${column}, or name another column`);
}

/** Bytes and time of a file, by which an interrupted run knows its input again; undefined for what is no file. */
export function fingerprintOf(path: string): string | undefined {
  const found = isStdin(path) ? undefined : statSync(path, { throwIfNoEntry: false });
  return found?.isFile() ? `${found.size} bytes of ${found.mtime.toISOString()}` : undefined;
}

/** Standard input as a file, which can be read once and in order. */
class Stdin implements ByteSource {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  size(): Promise<number> {
    throw new Error('internal: the size of standard input');
  }

  read(): Promise<Uint8Array> {
    throw new Error('internal: a range of standard input');
  }

  stream(): AsyncIterable<Uint8Array> {
    return process.stdin;
  }
}
