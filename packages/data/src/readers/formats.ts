/** Which reader reads a file, by the end of its name. */

import { OBJECT, TEXT } from '@uniem/hub/arguments';

import { requireKind, requireList } from '../arguments.ts';
import { type ByteSource, contentOf, isGzip, MemoryFile } from '../bytes.ts';
import { DataError } from '../errors.ts';
import { arrowBlocks } from './arrow.ts';
import { csvBlocks } from './csv.ts';
import { jsonBlocks } from './json.ts';
import { jsonlBlocks } from './jsonl.ts';
import { withLabels } from './label-map.ts';
import { parquetBlocks } from './parquet.ts';
import type { Block, FormatOptions, Position, Reader, ReadOptions } from './reader.ts';
import { HEAD, shapeOfBinary } from './shapes.ts';

const READERS: Readonly<Record<string, Reader>> = {
  '.jsonl': jsonlBlocks,
  '.ndjson': jsonlBlocks,
  '.json': jsonBlocks,
  '.csv': csvBlocks,
  '.tsv': csvBlocks,
  '.txt': csvBlocks,
  '.parquet': parquetBlocks,
  '.arrow': arrowBlocks,
};

export const EXTENSIONS: readonly string[] = Object.keys(READERS);

/** Files that each option has a meaning for. */
const FILES_OF: Record<keyof FormatOptions, { readers: readonly Reader[]; words: string }> = {
  columnNames: { readers: [csvBlocks], words: 'CSV, TSV and .txt files' },
  delimiter: { readers: [csvBlocks], words: 'CSV, TSV and .txt files' },
  encoding: { readers: [csvBlocks, jsonBlocks, jsonlBlocks], words: 'text files' },
  field: { readers: [jsonBlocks], words: '.json files' },
};

/** The extension of a file that is read, without .gz; undefined for another kind of file. */
export function extensionOf(name: string): string | undefined {
  const extension = /\.[^./\\]+$/.exec(name.toLowerCase().replace(/\.gz$/, ''))?.[0];
  return extension !== undefined && extension in READERS ? extension : undefined;
}

/** An option that no file has a use for. */
export class UnusedOptionError extends DataError {
  readonly option: keyof FormatOptions;

  constructor(what: string, where: string, fix: string, option: keyof FormatOptions) {
    super(what, where, fix);
    this.option = option;
  }
}

/** @throws UnusedOptionError for an option given that none of the files has a use for. */
export function requireUsed(files: readonly string[], options: FormatOptions, where: string): void {
  requireList(files, TEXT, 'files');
  requireKind(options, OBJECT, 'options');
  const readers = files.map((file) => READERS[extensionOf(file) ?? '']);
  for (const option of Object.keys(FILES_OF) as (keyof FormatOptions)[]) {
    const { readers: users, words } = FILES_OF[option];
    if (options[option] === undefined || readers.some((reader) => reader && users.includes(reader))) continue;
    throw new UnusedOptionError(
      `${option} applies to ${words}, and there are none here`,
      where,
      'leave it out',
      option,
    );
  }
}

/**
 * The blocks of a file of any kind.
 *
 * @throws DataError for a kind of file that is not read.
 */
export async function* readBlocks(file: ByteSource, options: ReadOptions = {}, from?: Position): AsyncGenerator<Block> {
  const extension = extensionOf(file.name);
  const reader = extension && READERS[extension];
  if (!reader) {
    throw new DataError(
      'not a kind of file that is read',
      file.name,
      `give one of ${EXTENSIONS.join(', ')}, or one of them as .gz`,
    );
  }
  const isBinary = reader === parquetBlocks || reader === arrowBlocks;
  try {
    // Parquet is read by range, which gzip does not allow: such a file is unpacked into memory.
    const source = reader === parquetBlocks && isGzip(file.name) ? await unpacked(file) : file;
    let isTold = !isBinary || from !== undefined; // a text's reader tells by itself
    for await (const block of reader(source, options, from)) {
      if (!isTold) options.onFile?.({ file: file.name, classNames: block.classNames });
      isTold = true;
      yield withLabels(block, options);
    }
  } catch (error) {
    throw isBinary ? await explained(error, file, extension) : error;
  }
}

/** What cannot be read because it is another kind of file says which; a text's reader looks by itself. */
export async function explained(error: unknown, file: ByteSource, extension: string): Promise<unknown> {
  if (!(error instanceof DataError) || isGzip(file.name)) return error;
  try {
    const head = await file.read(0, HEAD);
    const shape = shapeOfBinary(Buffer.from(head), extension);
    return shape ? new DataError(`is ${shape.what}`, file.name, shape.fix, { cause: error }) : error;
  } catch {
    return error; // the first error says why the file cannot be read
  } finally {
    await file.close?.();
  }
}

async function unpacked(file: ByteSource): Promise<ByteSource> {
  const chunks: Buffer[] = [];
  for await (const chunk of contentOf(file)) chunks.push(chunk);
  return new MemoryFile(file.name, Buffer.concat(chunks));
}
