/** The record types, and which one a record is. */

import { DataError } from './errors.ts';

/** A record as it was read. */
export type Row = Record<string, unknown>;

/** Most specific first: a triplet also has the fields of a pair. */
const FIELDS = {
  scored_pair: ['sentence1', 'sentence2', 'label'],
  triplet: ['text', 'text_pos', 'text_neg'],
  pair: ['text', 'text_pos'],
} as const;

export type RecordType = keyof typeof FIELDS;

const sources = new WeakMap<object, string>();

/** Remembers where a row was read (file:line), for errors found later. */
export function rememberSource(row: Row, where: string): void {
  sources.set(row, where);
}

/** Where a row was read, if a reader said so. */
export function sourceOf(row: Row): string | undefined {
  return sources.get(row);
}

/** The record type whose fields are all present; extra fields are allowed, as in uniem. */
export function inferRecordType(row: Row): RecordType {
  for (const [type, fields] of Object.entries(FIELDS)) {
    if (fields.every((field) => field in row)) return type as RecordType;
  }
  throw new DataError(
    `the fields {${Object.keys(row).join(', ')}} match no record type`,
    sourceOf(row),
    'rename them to {text, text_pos}, {text, text_pos, text_neg} or {sentence1, sentence2, label}',
  );
}

/** @throws DataError where a field is missing, a text is no string, or a label no finite number. */
export function validateRecord(row: Row, type: RecordType): void {
  for (const field of FIELDS[type]) {
    const value = row[field];
    if (value === undefined) {
      throw new DataError(
        `a ${type} needs ${field}; the record has {${Object.keys(row).join(', ')}}`,
        sourceOf(row),
        `give every record {${FIELDS[type].join(', ')}}`,
      );
    }
    if (field === 'label') {
      if (typeof value === 'bigint' || Number.isFinite(value)) continue;
      throw new DataError(`label is ${JSON.stringify(value)}, not a number`, sourceOf(row), 'give a number');
    }
    if (typeof value !== 'string') {
      throw new DataError(`${field} is ${JSON.stringify(value)}, not a text`, sourceOf(row), 'give a string');
    }
  }
}
