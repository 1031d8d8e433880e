/** Rows kept as Arrow columns: a text takes its UTF-8 bytes and four more, not an object's hundred. */

import { Bool, type Data, Field, Float64, Int32, List, makeData, Null, Struct, Utf8 } from 'apache-arrow';
import { arrowGetter } from '../readers/arrow-values.ts';
import { rememberSource, type SourceParts, sourceParts } from '../records/provenance.ts';
import type { Row } from '../records/records.ts';

/** Rows a batch. */
const BATCH = 4096;
/** Lists within lists. */
const DEEPEST = 64;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** A column of a batch. */
interface Column {
  name: string;
  get(index: number): unknown;
  /** Rows that lack the column, which is not the same as null there. */
  absent?: ReadonlySet<number>;
}

/** Neighbouring rows. */
interface Batch {
  length: number;
  columns: Column[];
  sourceOf(index: number): SourceParts | undefined;
}

/** Rows by number, never changed. */
export class Table {
  readonly #batches: readonly Batch[];
  /** The number of each batch's first row, and of the row after the last. */
  readonly #starts: readonly number[];
  readonly columnNames: readonly string[];

  constructor(batches: readonly Batch[]) {
    this.#batches = batches;
    const starts = [0];
    for (const { length } of batches) starts.push((starts.at(-1) as number) + length);
    this.#starts = starts;
    this.columnNames = [...new Set(batches.flatMap(({ columns }) => columns.map(({ name }) => name)))];
  }

  get length(): number {
    return this.#starts.at(-1) as number;
  }

  get batches(): readonly Batch[] {
    return this.#batches;
  }

  /**
   * A new object for the row.
   *
   * @param shown The columns it gets, in this order, and under which names; all under their own if left out.
   */
  row(index: number, shown?: ReadonlyMap<string, string>): Row {
    const i = this.#batchOf(index);
    const batch = this.#batches[i] as Batch;
    const at = index - (this.#starts[i] as number);
    const row: Row = {};
    if (shown) {
      for (const [own, name] of shown) {
        const column = batch.columns.find((candidate) => candidate.name === own);
        if (column && !column.absent?.has(at)) row[name] = column.get(at);
      }
    } else {
      for (const { name, get, absent } of batch.columns) if (!absent?.has(at)) row[name] = get(at);
    }
    const source = batch.sourceOf(at);
    if (source) rememberSource(row, source.prefix, source.number);
    return row;
  }

  #batchOf(index: number): number {
    let low = 0;
    let high = this.#batches.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] as number) <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** Collects rows into batches. */
export class TableBuilder {
  readonly #batches: Batch[] = [];
  #rows: Row[] = [];

  add(row: Row): void {
    this.#rows.push(row);
    if (this.#rows.length === BATCH) this.#flush();
  }

  /** Arrow data as a file has it, kept where it lies. */
  addArrow(columns: readonly { name: string; data: Data }[], length: number, prefix: string, before: number): void {
    this.#flush();
    this.#batches.push({
      length,
      columns: columns.map(({ name, data }) => ({ name, get: arrowGetter(data) })),
      sourceOf: (index) => ({ prefix, number: before + index + 1 }),
    });
  }

  finish(): Table {
    this.#flush();
    return new Table(this.#batches);
  }

  #flush(): void {
    if (this.#rows.length > 0) this.#batches.push(batchOf(this.#rows));
    this.#rows = [];
  }
}

function batchOf(rows: readonly Row[]): Batch {
  const names = [...new Set(rows.flatMap(Object.keys))];
  const columns = names.map((name): Column => {
    const absent = new Set<number>();
    const values = rows.map((row, i) => {
      if (row[name] === undefined) absent.add(i);
      return row[name];
    });
    const get = compacted(values);
    return absent.size > 0 ? { name, get, absent } : { name, get };
  });
  return { length: rows.length, columns, sourceOf: compactedSources(rows) };
}

/** Sources of rows of one file are a name and a number each. */
function compactedSources(rows: readonly Row[]): Batch['sourceOf'] {
  const parts = rows.map(sourceParts);
  const prefix = parts[0]?.prefix;
  if (parts.every((part) => part === undefined)) return () => undefined;
  if (prefix === undefined || !parts.every((part) => part?.prefix === prefix && part.number !== undefined)) {
    return (index) => parts[index];
  }
  const numbers = Float64Array.from(parts, (part) => part?.number as number);
  return (index) => ({ prefix, number: numbers[index] as number });
}

/** A function that gives the values back, from Arrow where they are of one kind. */
function compacted(values: readonly unknown[]): Column['get'] {
  const data = arrowOf(values);
  if (data) return arrowGetter(data);
  const kept = [...values];
  return (index) => kept[index];
}

/** The values as Arrow, or undefined where Arrow would not give back the same. */
export function arrowOf(values: readonly unknown[], depth = 0): Data | undefined {
  if (depth > DEEPEST) return undefined;
  const present = values.filter((value) => value !== null && value !== undefined);
  const { length } = values;
  const nullCount = length - present.length;
  const nulls =
    nullCount > 0 ? { nullCount, nullBitmap: bits(values, (value) => value !== null && value !== undefined) } : {};
  if (present.length === 0) return makeData({ type: new Null(), length });
  if (present.every((value) => typeof value === 'string')) return textData(values, nulls);
  if (present.every((value) => typeof value === 'number')) return numberData(values, present as number[], nulls);
  if (present.every((value) => typeof value === 'boolean')) {
    return makeData({ type: new Bool(), length, ...nulls, data: bits(values, (value) => value === true) });
  }
  if (present.every(Array.isArray)) return listData(values as (unknown[] | null | undefined)[], nulls, depth);
  if (present.every(isPlainObject))
    return structData(values as (Row | null | undefined)[], present as Row[], nulls, depth);
  return undefined;
}

type Nulls = { nullCount?: number; nullBitmap?: Uint8Array };

function textData(values: readonly unknown[], nulls: Nulls): Data | undefined {
  const texts = values.map((value) => (typeof value === 'string' ? value : ''));
  if (texts.some((text) => LONE_SURROGATE.test(text))) return undefined;
  const valueOffsets = new Int32Array(texts.length + 1);
  for (const [i, text] of texts.entries()) {
    valueOffsets[i + 1] = (valueOffsets[i] as number) + Buffer.byteLength(text);
  }
  const data = Buffer.allocUnsafeSlow(valueOffsets.at(-1) as number);
  texts.forEach((text, i) => {
    data.write(text, valueOffsets[i] as number);
  });
  return makeData({ type: new Utf8(), length: texts.length, ...nulls, valueOffsets, data });
}

function numberData(values: readonly unknown[], present: readonly number[], nulls: Nulls): Data {
  const numbers = values.map((value) => (typeof value === 'number' ? value : 0));
  const whole = present.every((value) => Object.is(value, value | 0)); // not for -0
  if (whole) return makeData({ type: new Int32(), length: values.length, ...nulls, data: Int32Array.from(numbers) });
  return makeData({ type: new Float64(), length: values.length, ...nulls, data: Float64Array.from(numbers) });
}

function listData(values: readonly (unknown[] | null | undefined)[], nulls: Nulls, depth: number): Data | undefined {
  const child = arrowOf(
    values.flatMap((value) => value ?? []),
    depth + 1,
  );
  if (!child || hasHoles(values)) return undefined;
  const valueOffsets = new Int32Array(values.length + 1);
  values.forEach((value, i) => {
    valueOffsets[i + 1] = (valueOffsets[i] as number) + (value?.length ?? 0);
  });
  return makeData({
    type: new List(new Field('item', child.type, true)),
    length: values.length,
    ...nulls,
    valueOffsets,
    child,
  });
}

/** Arrow has no undefined: it would come back as null. */
function hasHoles(values: readonly (unknown[] | null | undefined)[]): boolean {
  return values.some((value) => value?.includes(undefined));
}

function structData(
  values: readonly (Row | null | undefined)[],
  present: readonly Row[],
  nulls: Nulls,
  depth: number,
): Data | undefined {
  const keys = Object.keys(present[0] as Row);
  const alike = present.every(
    (row) => Object.keys(row).length === keys.length && keys.every((key) => row[key] !== undefined),
  );
  if (!alike) return undefined;
  const children = keys.map((key) =>
    arrowOf(
      values.map((value) => value?.[key]),
      depth + 1,
    ),
  );
  if (children.includes(undefined)) return undefined;
  const fields = keys.map((key, i) => new Field(key, (children[i] as Data).type, true));
  return makeData({ type: new Struct(fields), length: values.length, ...nulls, children: children as Data[] });
}

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** One bit a value, least first. */
function bits(values: readonly unknown[], set: (value: unknown) => boolean): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(values.length / 64) * 8);
  values.forEach((value, i) => {
    if (set(value)) bytes[i >> 3] = (bytes[i >> 3] as number) | (1 << (i & 7));
  });
  return bytes;
}
