/** The record types, and which one a record is. */

import { DataError } from './errors.ts';
import { keepSource, sourceOf } from './provenance.ts';

/** A record as it was read. */
export type Row = Record<string, unknown>;

/** Most specific first: a triplet also has the fields of a pair. */
const FIELDS = {
  scored_pair: ['sentence1', 'sentence2', 'label'],
  triplet: ['text', 'text_pos', 'text_neg'],
  pair: ['text', 'text_pos'],
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

/** A pair and a text that means something else. */
export interface Triplet extends Pair {
  text_neg: string;
}

/** Two texts and how alike they are; only the order of labels counts. */
export interface ScoredPair {
  sentence1: string;
  sentence2: string;
  label: number;
}

/** The record of each type. */
export interface Records {
  pair: Pair;
  triplet: Triplet;
  scored_pair: ScoredPair;
}

/**
 * The record type whose fields are all present; extra fields are allowed, as in uniem.
 *
 * @param where Where the record is from; what its reader remembered if left out.
 */
export function inferRecordType(record: object, where = sourceOf(record)): RecordType {
  for (const [type, fields] of Object.entries(FIELDS)) {
    if (fields.every((field) => field in record)) return type as RecordType;
  }
  throw new DataError(
    `the fields {${Object.keys(record).join(', ')}} match no record type`,
    where,
    'rename them to {text, text_pos}, {text, text_pos, text_neg} or {sentence1, sentence2, label}',
  );
}

/**
 * The record as its type: itself, or a copy whose bigint label is a number.
 *
 * @param where Where the record is from; what its reader remembered if left out.
 * @throws DataError where a field is missing, a text is no string, or a label no finite number.
 */
export function validateRecord<T extends RecordType>(record: object, type: T, where = sourceOf(record)): Records[T] {
  const row = record as Row;
  for (const field of FIELDS[type]) {
    const value = row[field];
    if (value === undefined) {
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
    if (typeof value !== 'string')
      throw new DataError(`${field} is ${shown(value)}, not a text`, where, 'give a string');
  }
  if (type !== 'scored_pair' || typeof row.label !== 'bigint') return record as Records[T];
  return keepSource({ ...row, label: Number(row.label) }, row) as unknown as Records[T];
}

/** A value as an error prints it; JSON has no bigint and no NaN. */
function shown(value: unknown): string {
  const text = typeof value === 'object' || typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
