/** The record types, and which one a record is. */

import { oneOf } from '@uniem/hub/arguments';

import { ROW, requireKind } from '../arguments.ts';
import { DataError } from '../errors.ts';
import { suggestedNames } from './known-names.ts';
import { keepSource, sourceOf } from './provenance.ts';

/** A record as it was read. */
export type Row = Record<string, unknown>;

/** Most specific first: a triplet also has the fields of a pair. */
const FIELDS = {
  scored_pair: ['sentence1', 'sentence2', 'label'],
  triplet: ['text', 'text_pos', 'text_neg'],
  pair: ['text', 'text_pos'],
  text_vector: ['text', 'vector'],
} as const;

export type RecordType = keyof typeof FIELDS;

export const RECORD_TYPES = Object.keys(FIELDS) as RecordType[];

/** Names under which datasets keep texts; a column of such a name is text even where every value looks like a number. */
const TEXT_NAMES = /^(?:text|sentence|query|question|answer|anchor|positive|negative|pos|neg|passage|document|title)/i;

export const isTextName = (column: string) => TEXT_NAMES.test(column);

/** A text and one that means the same. */
export interface Pair {
  text: string;
  text_pos: string;
}

/** A pair and texts that mean something else: one, a list of them, or text_neg_1, text_neg_2 and so on. */
export interface Triplet extends Pair {
  text_neg?: string | readonly string[];
  [numbered: `text_neg_${number}`]: string | null;
}

/** Two texts and how alike they are; only the order of labels counts. */
export interface ScoredPair {
  sentence1: string;
  sentence2: string;
  label: number;
}

/** A text and the embedding that another model gave it. */
export interface TextVector {
  text: string;
  vector: ArrayLike<number>;
}

/** The record of each type. */
export interface Records {
  pair: Pair;
  triplet: Triplet;
  scored_pair: ScoredPair;
  text_vector: TextVector;
}

const NEGATIVE = /^text_neg(?:_\d+)?$/;

/** The negatives of a triplet in the order of its fields; a numbered field that is null has none. */
export function negativesOf(record: Row): string[] {
  requireKind(record, ROW, 'record');
  return Object.keys(record)
    .filter((name) => NEGATIVE.test(name))
    .flatMap((name) => (record[name] ?? []) as string | string[]);
}

/** The texts of a valid record, each with the field that has it. */
export function textFields(record: Row, type: RecordType): [field: string, text: string][] {
  return FIELDS[type].flatMap((field): [string, string][] => {
    if (field === 'label' || field === 'vector') return [];
    if (field === 'text_neg') return negativesOf(record).map((text) => [field, text]);
    return [[field, record[field] as string]];
  });
}

/** Whether the record has the field, or its numbered form. */
function hasField(record: object, field: string): boolean {
  return field in record || (field === 'text_neg' && Object.keys(record).some((name) => NEGATIVE.test(name)));
}

/**
 * The record type whose fields are all present; extra fields are allowed, as in uniem.
 *
 * @param where Where the record is from; what its reader remembered if left out.
 */
export function inferRecordType(record: object, where?: string): RecordType {
  requireKind(record, ROW, 'record');
  for (const [type, fields] of Object.entries(FIELDS)) {
    if (fields.every((field) => hasField(record, field))) return type as RecordType;
  }
  const columns = Object.keys(record);
  const names = Object.entries(suggestedNames(columns) ?? {});
  const fix =
    names.length > 0
      ? `rename ${names.map((pair) => pair.join(' to ')).join(', ')} (${names.map((pair) => `--rename ${pair.join('=')}`).join(' ')})`
      : 'rename them to {text, text_pos}, {text, text_pos, text_neg}, {sentence1, sentence2, label} or {text, vector}';
  throw new DataError(`the fields {${columns.join(', ')}} match no record type`, where ?? sourceOf(record), fix);
}

/**
 * The record as its type: itself, or a copy whose bigint label is a number.
 *
 * @param given Where the record is from; what its reader remembered if left out.
 * @throws DataError where a field is missing, a text is no string, a label no finite number, a vector no numbers, or a
 * triplet has no negative.
 */
export function validateRecord<T extends RecordType>(record: object, type: T, given?: string): Records[T] & Row {
  requireKind(record, ROW, given ?? 'record');
  requireKind(type, oneOf(...RECORD_TYPES), 'type');
  const where = given ?? sourceOf(record);
  const row = record as Row;
  for (const field of FIELDS[type]) {
    const value = row[field];
    if (value === undefined && !hasField(row, field)) {
      throw new DataError(
        `a ${type} needs ${field}; the record has {${Object.keys(row).join(', ')}}`,
        where,
        `give every record {${FIELDS[type].join(', ')}}`,
      );
    }
    if (field === 'label') {
      if (typeof value === 'bigint' || Number.isFinite(value)) continue;
      throw new DataError(`label is ${shown(value)}, not a number`, where, 'give a finite number');
    }
    if (field === 'text_neg') requireNegatives(row, where);
    else if (field === 'vector') requireVector(value, where);
    else if (typeof value !== 'string') throw notText(field, value, where);
  }
  if (type !== 'scored_pair' || typeof row.label !== 'bigint') return record as Records[T] & Row;
  return keepSource({ ...row, label: Number(row.label) }, row) as unknown as Records[T] & Row;
}

function requireNegatives(row: Row, where: string | undefined): void {
  let count = 0;
  for (const [name, value] of Object.entries(row)) {
    if (!NEGATIVE.test(name) || (value === null && name !== 'text_neg')) continue;
    for (const text of Array.isArray(value) && name === 'text_neg' ? value : [value]) {
      if (typeof text !== 'string') throw notText(name, text, where);
      count += 1;
    }
  }
  if (count === 0) throw new DataError('the triplet has no negative', where, 'give it one, or leave the record out');
}

function requireVector(value: unknown, where: string | undefined): void {
  const numbers = Array.isArray(value) || ArrayBuffer.isView(value) ? [...(value as Float32Array)] : [];
  if (numbers.length > 0 && numbers.every(Number.isFinite)) return;
  throw new DataError(`vector is ${shown(value)}, not a list of numbers`, where, 'give finite numbers');
}

function notText(field: string, value: unknown, where: string | undefined): DataError {
  return new DataError(`${field} is ${shown(value)}, not a text`, where, 'give a string');
}

/** A value as an error prints it; JSON has no bigint and no NaN. */
function shown(value: unknown): string {
  const text = typeof value === 'object' || typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
