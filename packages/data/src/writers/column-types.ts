/** What the columns of rows hold, found by their values, and values as a column keeps them. */

import type { SchemaElement } from 'hyparquet';

import { DataError } from '../errors.ts';
import { sourceOf } from '../records/provenance.ts';
import type { Row } from '../records/records.ts';
import { replace } from './json.ts';

/** What a column holds. */
export type ColumnType =
  | { kind: 'STRING' | 'DOUBLE' | 'INT64' | 'BOOLEAN' }
  | { kind: 'list'; item: ColumnType }
  | { kind: 'struct'; fields: Map<string, ColumnType> };

/**
 * @param names The columns; those that any row has if left out.
 * @throws DataError for a column whose values have no type in common.
 */
export function columnTypes(
  rows: readonly Row[],
  where: string,
  names: readonly string[] = [...new Set(rows.flatMap(Object.keys))],
): Map<string, ColumnType> {
  return new Map(
    names.map((name) => {
      const type = typeOf(rows.map((row) => row[name]));
      if (!type) {
        const what = `${name} has values of several kinds, or of none that a column keeps`;
        throw new DataError(what, where, `map ${name} to one kind, or write JSON Lines`);
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

export function parquetSchema(types: ReadonlyMap<string, ColumnType>): SchemaElement[] {
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
export function converted(row: Row, name: string, type: ColumnType, where: string): unknown {
  const value = row[name];
  try {
    return valueAs(value, type);
  } catch (cause) {
    const what = `${name} is ${JSON.stringify(value, replace)?.slice(0, 60)}, not of the kind of the rows before`;
    throw new DataError(what, sourceOf(row) ?? where, `map ${name} to one kind, or write JSON Lines`, { cause });
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
