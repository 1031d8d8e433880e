/** Rows out: JSON Lines and Parquet, whole or not at all. */

import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

import type { SchemaElement } from 'hyparquet';
import { fileWriter, ParquetWriter } from 'hyparquet-writer';

import { isGzip } from '../bytes.ts';
import { DataError } from '../errors.ts';
import { sourceOf } from '../records/provenance.ts';
import type { Row } from '../records/records.ts';

/** Rows a row group; the types of columns are those of the first. */
const GROUP = 10_000;
/** Text gathered before it is written. */
const CHUNK = 1 << 16;

/** A row a line, in gzip where the name ends in .gz. */
export async function writeJsonl(path: string, rows: AsyncIterable<Row>): Promise<void> {
  await whole(path, async (partial) => {
    const file = createWriteStream(partial);
    if (isGzip(path)) await pipeline(Readable.from(lines(rows)), createGzip(), file);
    else await pipeline(Readable.from(lines(rows)), file);
  });
}

async function* lines(rows: AsyncIterable<Row>): AsyncGenerator<string> {
  let text = '';
  for await (const row of rows) {
    text += `${JSON.stringify(row, json)}\n`;
    if (text.length < CHUNK) continue;
    yield text;
    text = '';
  }
  if (text !== '') yield text;
}

/** JSON has no bigint; its digits are a number of JSON all the same, but Node 20 cannot write them so. */
function json(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

/** Texts, numbers, booleans, and lists and objects of them. */
export async function writeParquet(path: string, rows: AsyncIterable<Row>): Promise<void> {
  await whole(path, async (partial) => {
    let types: Map<string, ColumnType> | undefined;
    let writer: ParquetWriter | undefined;
    const write = async (group: readonly Row[]) => {
      types ??= columnTypes(group);
      writer ??= new ParquetWriter({ writer: fileWriter(partial), schema: schemaOf(types) });
      const columnData = [...types].map(([name, type]) => ({
        name,
        data: group.map((row) => converted(row, name, type)),
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
    await rm(partial, { force: true });
    throw error;
  }
}

/** What a column of Parquet holds. */
type ColumnType =
  | { kind: 'STRING' | 'DOUBLE' | 'INT64' | 'BOOLEAN' }
  | { kind: 'list'; item: ColumnType }
  | { kind: 'struct'; fields: Map<string, ColumnType> };

function columnTypes(rows: readonly Row[]): Map<string, ColumnType> {
  const names = [...new Set(rows.flatMap(Object.keys))];
  return new Map(
    names.map((name) => {
      const type = typeOf(rows.map((row) => row[name]));
      if (!type) {
        const what = `${name} has values of several kinds, or of none that Parquet keeps`;
        throw new DataError(what, 'toParquet', `map ${name} to one kind, or write JSON Lines`);
      }
      return [name, type];
    }),
  );
}

/** The type that holds all the values; undefined if there is none. */
function typeOf(values: readonly unknown[]): ColumnType | undefined {
  const present = values.filter((value) => value !== null && value !== undefined);
  if (present.every((value) => typeof value === 'string')) return { kind: 'STRING' }; // also where there is none
  if (present.every((value) => typeof value === 'bigint' || Number.isSafeInteger(value))) return { kind: 'INT64' };
  if (present.every((value) => typeof value === 'number')) return { kind: 'DOUBLE' };
  if (present.every((value) => typeof value === 'boolean')) return { kind: 'BOOLEAN' };
  if (present.every(Array.isArray)) {
    const item = typeOf((present as unknown[][]).flat());
    return item && { kind: 'list', item };
  }
  if (present.every((value) => Object.getPrototypeOf(value) === Object.prototype)) {
    const objects = present as Row[];
    const names = [...new Set(objects.flatMap(Object.keys))];
    const fields = names.map((name) => [name, typeOf(objects.map((object) => object[name]))] as const);
    if (names.length === 0 || fields.some(([, type]) => !type)) return undefined;
    return { kind: 'struct', fields: new Map(fields as [string, ColumnType][]) };
  }
  return undefined;
}

function schemaOf(types: ReadonlyMap<string, ColumnType>): SchemaElement[] {
  return [{ name: 'root', num_children: types.size }, ...[...types].flatMap(([name, type]) => elementsOf(name, type))];
}

function elementsOf(name: string, type: ColumnType): SchemaElement[] {
  const repetition_type = 'OPTIONAL';
  if (type.kind === 'list') {
    return [
      { name, repetition_type, num_children: 1, converted_type: 'LIST', logical_type: { type: 'LIST' } },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      ...elementsOf('element', type.item),
    ];
  }
  if (type.kind === 'struct') {
    const fields = [...type.fields].flatMap(([field, inner]) => elementsOf(field, inner));
    return [{ name, repetition_type, num_children: type.fields.size }, ...fields];
  }
  if (type.kind === 'STRING') {
    return [{ name, repetition_type, type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } }];
  }
  return [{ name, repetition_type, type: type.kind }];
}

/** @throws DataError where a later row's value is not of the type that the first rows gave. */
function converted(row: Row, name: string, type: ColumnType): unknown {
  const value = row[name];
  try {
    return valueAs(value, type);
  } catch (cause) {
    const what = `${name} is ${JSON.stringify(value, json)?.slice(0, 60)}, not of the kind of the rows before`;
    throw new DataError(what, sourceOf(row) ?? 'toParquet', `map ${name} to one kind, or write JSON Lines`, { cause });
  }
}

function valueAs(value: unknown, type: ColumnType): unknown {
  if (value === null || value === undefined) return null;
  const typed = typeOf([value]);
  if (type.kind === 'list' && Array.isArray(value)) return value.map((item) => valueAs(item, type.item));
  if (type.kind === 'struct' && typed?.kind === 'struct') {
    return Object.fromEntries([...type.fields].map(([name, inner]) => [name, valueAs((value as Row)[name], inner)]));
  }
  if (type.kind === 'INT64' && typed?.kind === 'INT64') return BigInt(value as number | bigint);
  if (type.kind === 'DOUBLE' && typeof value === 'number') return value;
  if (type.kind === typed?.kind) return value;
  throw new Error(`internal: no ${type.kind}`);
}
