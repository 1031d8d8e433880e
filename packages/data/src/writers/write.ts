/** Rows out: JSON Lines and Parquet, whole or not at all. */

import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

import { NAME } from '@uniem/hub/arguments';
import { fileWriter, ParquetWriter } from 'hyparquet-writer';

import { requireKind } from '../arguments.ts';
import { isGzip } from '../bytes.ts';
import { DataError } from '../errors.ts';
import { sourceOf } from '../records/provenance.ts';
import type { Row } from '../records/records.ts';
import { type ColumnType, columnTypes, converted, parquetSchema } from './column-types.ts';
import { jsonOf } from './json.ts';

/** Rows a row group; the types of columns are those of the first. */
const GROUP = 10_000;
/** Text gathered before it is written. */
const CHUNK = 1 << 16;

/** A row a line, in gzip where the name ends in .gz. */
export async function writeJsonl(path: string, rows: AsyncIterable<Row>): Promise<void> {
  requireKind(path, NAME, 'path');
  await whole(path, async (partial) => {
    const file = createWriteStream(partial);
    if (isGzip(path)) await pipeline(Readable.from(lines(rows)), createGzip(), file);
    else await pipeline(Readable.from(lines(rows)), file);
  });
}

async function* lines(rows: AsyncIterable<Row>): AsyncGenerator<string> {
  let text = '';
  for await (const row of rows) {
    text += `${jsonOf(row)}\n`;
    if (text.length < CHUNK) continue;
    yield text;
    text = '';
  }
  if (text !== '') yield text;
}

/** Texts, numbers, booleans, and lists and objects of them. */
export async function writeParquet(path: string, rows: AsyncIterable<Row>): Promise<void> {
  requireKind(path, NAME, 'path');
  await whole(path, async (partial) => {
    let types: Map<string, ColumnType> | undefined;
    let writer: ParquetWriter | undefined;
    const write = async (group: readonly Row[]) => {
      types ??= columnTypes(group, 'toParquet');
      writer ??= new ParquetWriter({ writer: fileWriter(partial), schema: parquetSchema(types) });
      const columnData = [...types].map(([name, type]) => ({
        name,
        data: group.map((row) => converted(row, name, type, 'toParquet')),
      }));
      await writer.write({ columnData, rowGroupSize: GROUP });
    };
    let group: Row[] = [];
    for await (const row of rows) {
      const extra = types && Object.keys(row).find((name) => !types?.has(name));
      if (extra) throw new DataError(`a new column '${extra}'`, sourceOf(row), 'select the columns to write before');
      group.push(row);
      if (group.length < GROUP) continue;
      await write(group);
      group = [];
    }
    if (group.length > 0 || !types) await write(group);
    await writer?.finish();
  });
}

async function whole(path: string, write: (partial: string) => Promise<void>): Promise<void> {
  const partial = `${path}.partial-${process.pid}`;
  try {
    await write(partial);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => {}); // a path that the disk does not take
    if ((error as NodeJS.ErrnoException).code === undefined) throw error; // no word of the disk's
    const what = `could not be written (${(error as Error).message})`;
    throw new DataError(what, path, 'free disk space or choose another path', { cause: error });
  }
}
