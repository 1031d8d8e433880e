/** Which reader reads a file, by the end of its name. */

import { type ByteSource, contentOf, isGzip, MemoryFile } from '../bytes.ts';
import { DataError } from '../errors.ts';
import { arrowBlocks } from './arrow.ts';
import { csvBlocks } from './csv.ts';
import { jsonBlocks } from './json.ts';
import { jsonlBlocks } from './jsonl.ts';
import { parquetBlocks } from './parquet.ts';
import type { Block, Position, Reader, ReadOptions } from './reader.ts';

const READERS: Readonly<Record<string, Reader>> = {
  '.jsonl': jsonlBlocks,
  '.ndjson': jsonlBlocks,
  '.json': jsonBlocks,
  '.csv': csvBlocks,
  '.tsv': csvBlocks,
  '.parquet': parquetBlocks,
  '.arrow': arrowBlocks,
};

export const EXTENSIONS: readonly string[] = Object.keys(READERS);

/** The extension of a file that is read, without .gz; undefined for another kind of file. */
export function extensionOf(name: string): string | undefined {
  const extension = /\.[^./\\]+$/.exec(name.toLowerCase().replace(/\.gz$/, ''))?.[0];
  return extension !== undefined && extension in READERS ? extension : undefined;
}

/**
 * The blocks of a file of any kind.
 *
 * @throws DataError for a kind of file that is not read.
 */
export async function* readBlocks(file: ByteSource, options?: ReadOptions, from?: Position): AsyncGenerator<Block> {
  const extension = extensionOf(file.name);
  const reader = extension && READERS[extension];
  if (!reader) {
    throw new DataError(
      'not a kind of file that is read',
      file.name,
      `give one of ${EXTENSIONS.join(', ')}, or one of them as .gz`,
    );
  }
  // Parquet is read by range, which gzip does not allow: such a file is unpacked into memory.
  const source = reader === parquetBlocks && isGzip(file.name) ? await unpacked(file) : file;
  yield* reader(source, options, from);
}

async function unpacked(file: ByteSource): Promise<ByteSource> {
  const chunks: Buffer[] = [];
  for await (const chunk of contentOf(file)) chunks.push(chunk);
  return new MemoryFile(file.name, Buffer.concat(chunks));
}
