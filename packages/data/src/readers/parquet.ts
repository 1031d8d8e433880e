/** Parquet, page by page: only the columns asked for, from a disk or by range requests. */

import {
  type ColumnMetaData,
  type FileMetaData,
  parquetMetadataAsync,
  parquetSchema,
  type SchemaTree,
} from 'hyparquet';
import { assembleNested } from 'hyparquet/src/assemble.js';

import { type ByteSource, readError } from '../bytes.ts';
import { DataError } from '../errors.ts';
import { rememberSource, rowPrefix } from '../records/provenance.ts';
import { classNamesOf } from './label-map.ts';
import { PARSERS, ParquetColumn } from './parquet-column.ts';
import { plainValue } from './plain-value.ts';
import { type Block, missingColumn, type Position, type ReadOptions } from './reader.ts';
import { rowsFromColumns } from './rows.ts';

/** Rows a block. */
const ROWS = 1024;
/** hyparquet's own names of codecs and what an error about another says. */
const CODEC = /unsupported compression codec: (\w+)/;

/** A block is up to 1,024 rows; its position is a row group and a row in it. */
export async function* parquetBlocks(
  file: ByteSource,
  { columns }: ReadOptions = {},
  from: Position = { group: 0, row: 0 },
): AsyncGenerator<Block> {
  try {
    const { metadata, tree } = await footerOf(file);
    const tops = chosenColumns(tree, columns, file.name);
    const names = tops.map(({ element }) => element.name);
    const prefix = rowPrefix(file.name);
    const info = metadata.key_value_metadata?.find(({ key }) => key === 'huggingface')?.value;
    const classNames = classNamesOf(info);
    let before = 0;
    for (const [group, { columns: chunks, num_rows }] of metadata.row_groups.entries()) {
      const rows = Number(num_rows);
      if (group >= (from.group as number)) {
        const skip = group === from.group ? (from.row as number) : 0;
        const metas = chunks.flatMap(({ meta_data }) => meta_data ?? []);
        const where = `${file.name}, row group ${group + 1}`;
        const groupColumns = tops.map((top) => new TopColumn(file, metas, tree, top, where));
        for await (const { start, values, count } of groupBlocks(groupColumns, rows, skip)) {
          const blockRows = rowsFromColumns(names, values, count);
          blockRows.forEach((row, i) => {
            rememberSource(row, prefix, before + start + i + 1);
          });
          const next = { group, row: start + blockRows.length };
          yield { rows: blockRows, next, ...(classNames ? { classNames } : {}) };
        }
      }
      before += rows;
    }
  } finally {
    await file.close?.();
  }
}

/** How many rows the file has, and its columns, from the footer alone. */
export async function parquetInfo(file: ByteSource): Promise<{ rows: number; columns: string[] }> {
  try {
    const { metadata, tree } = await footerOf(file);
    return {
      rows: Number(metadata.num_rows),
      columns: tree.children.map(({ element }) => element.name),
    };
  } finally {
    await file.close?.();
  }
}

async function footerOf(file: ByteSource): Promise<{ metadata: FileMetaData; tree: SchemaTree }> {
  let byteLength: number;
  try {
    byteLength = await file.size();
  } catch (cause) {
    throw readError(cause, file.name);
  }
  const slice = async (start: number, end = byteLength): Promise<ArrayBuffer> => {
    const bytes = await file.read(start, end);
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  };
  try {
    const metadata = await parquetMetadataAsync({ byteLength, slice });
    return { metadata, tree: parquetSchema(metadata) };
  } catch (cause) {
    if (cause instanceof Error && 'fix' in cause) throw cause;
    const what = `no Parquet file, or its footer is damaged (${(cause as Error).message})`;
    throw new DataError(what, file.name, 'copy or download the file again', { cause });
  }
}

function chosenColumns(tree: SchemaTree, columns: readonly string[] | undefined, name: string): SchemaTree[] {
  const names = tree.children.map(({ element }) => element.name);
  const twice = names.find((column, i) => names.indexOf(column) < i);
  if (twice !== undefined) {
    throw new DataError(`two columns named '${twice}'`, name, 'write the file with a name of its own for each column');
  }
  return (columns ?? names).map((column) => {
    const child = tree.children[names.indexOf(column)];
    if (!child) throw missingColumn(column, names, name);
    return child;
  });
}

/** The values of a row group's columns, up to ROWS rows at a time. */
async function* groupBlocks(columns: TopColumn[], rows: number, skip: number) {
  for (let start = skip === 0 ? 0 : await skipRows(columns, skip); start < rows; ) {
    const count = Math.min(ROWS, rows - start);
    const values: unknown[][] = [];
    for (const column of columns) values.push(await column.take(count));
    yield { start, values, count };
    start += count;
  }
}

async function skipRows(columns: TopColumn[], count: number): Promise<number> {
  for (let done = 0; done < count; done += ROWS) {
    for (const column of columns) await column.take(Math.min(ROWS, count - done));
  }
  return count;
}

/** A column as the schema names it: one physical column, or several that make a struct, list or map. */
class TopColumn {
  readonly #leaves: ParquetColumn[];
  readonly #top: SchemaTree;
  readonly #where: string;

  constructor(file: ByteSource, metas: ColumnMetaData[], tree: SchemaTree, top: SchemaTree, where: string) {
    const own = metas.filter(({ path_in_schema }) => path_in_schema[0] === top.element.name);
    this.#top = top;
    this.#where = `${where}, column ${top.element.name}`;
    try {
      this.#leaves = own.map((meta) => new ParquetColumn(file, meta, tree));
    } catch (cause) {
      throw this.#error(cause as Error);
    }
  }

  async take(count: number): Promise<unknown[]> {
    try {
      const parts = new Map<string, unknown[]>();
      for (const leaf of this.#leaves) {
        await leaf.fill(count);
        const values = leaf.take(count);
        if (values.length < count) throw new Error(`it ends ${count - values.length} values early`);
        parts.set(leaf.path, values);
      }
      if (this.#top.children.length > 0) assembleNested(parts, this.#top, PARSERS);
      const values = parts.get(this.#top.element.name) ?? [];
      for (let i = 0; i < count; i++) values[i] = plainValue(values[i]);
      return values;
    } catch (cause) {
      if (cause instanceof Error && 'fix' in cause) throw cause;
      throw this.#error(cause as Error);
    }
  }

  #error(cause: Error): DataError {
    const codec = CODEC.exec(cause.message)?.[1];
    if (codec) {
      const fix = 'write it with snappy, gzip, brotli, zstd, lz4 or no compression';
      return new DataError(`compressed with ${codec}, which is not read`, this.#where, fix, { cause });
    }
    return new DataError(`a page is damaged (${cause.message})`, this.#where, 'copy or download the file again', {
      cause,
    });
  }
}
