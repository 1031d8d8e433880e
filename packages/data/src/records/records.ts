/** The record types, and which one a record is. */

import { oneOf, TEXT } from '@uniem/hub/arguments';

import { ROW, requireKind, requireList } from '../arguments.ts';
import { DataError } from '../errors.ts';
import { headerHint, suggestedNames } from './known-names.ts';
import { classOf, labelFix, numericLabel } from './labels.ts';
import { keepSource, sourceOf } from './provenance.ts';

/** A record as it was read. */
export type Row = Record<string, unknown>;

/** Most specific first: a triplet also has the fields of a pair. */
const FIELDS = {
  scored_pair: ['sentence1', 'sentence2', 'label'],
  scored_triplet: ['text', 'text_pos', 'text_neg', 'scores'],
  triplet: ['text', 'text_pos', 'text_neg'],
  pair: ['text', 'text_pos'],
  text_vector: ['text', 'vector'],
  labeled_text: ['text', 'label'],
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

/** A pair and texts that mean something else: none, one, a list of them, or text_neg_1, text_neg_2 and so on. */
export interface Triplet extends Pair {
  text_neg?: string | readonly string[] | null;
  [numbered: `text_neg_${number}`]: string | null;
}

/** A triplet and what a teacher scored its texts: the positive's score, then one for each negative in their order. */
export interface ScoredTriplet extends Triplet {
  scores: ArrayLike<number>;
}

/** A text and its class. */
export interface LabeledText {
  text: string;
  label: string | number | boolean;
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
  scored_triplet: ScoredTriplet;
  text_vector: TextVector;
  labeled_text: LabeledText;
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
    if (field === 'label' || field === 'vector' || field === 'scores') return [];
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
  const origin = where ?? sourceOf(record);
  const columns = Object.keys(record);
  const shown = `the fields {${columns.join(', ').slice(0, SHOWN_FIELDS)}} match no record type`;
  const header = headerHint(columns);
  if (header) throw new DataError(`${shown}; ${header.what}`, origin, header.fix);
  const names = Object.entries(suggestedNames(columns) ?? {});
  const { pos } = record as Row;
  const rename = `rename ${names.map((pair) => pair.join(' to ')).join(', ')} (${names.map((pair) => `--rename ${pair.join('=')}`).join(' ')})`;
  const types =
    'rename them to {text, text_pos}, {text, text_pos, text_neg}, {sentence1, sentence2, label}, {text, vector} or {text, label}';
  const fix =
    'query' in record && Array.isArray(pos)
      ? 'use --adapter bge for FlagEmbedding records'
      : names.length > 0
        ? rename
        : types;
  throw new DataError(shown, origin, fix);
}

/** Characters of a header that an error shows. */
const SHOWN_FIELDS = 300;

/** Whether an object of these fields is a record, of ours or of a tool whose names are known. */
export function isRecord(fields: readonly string[]): boolean {
  const record = Object.fromEntries(fields.map((field) => [field, '']));
  const ours = Object.values(FIELDS).some((names) => names.every((field) => hasField(record, field)));
  return ours || suggestedNames(fields) !== undefined;
}

/** Columns of a known meaning that training on a record type makes no use of, each with how it would be used. */
export function unusedColumns(columns: readonly string[], type: RecordType): { column: string; use: string }[] {
  requireList(columns, TEXT, 'columns');
  requireKind(type, oneOf(...RECORD_TYPES), 'type');
  const used: readonly string[] = FIELDS[type];
  return columns.flatMap((column) => {
    const name = NEGATIVE.test(column) ? 'text_neg' : column;
    const use = used.includes(name) ? undefined : USES[name];
    return use === undefined ? [] : [{ column, use }];
  });
}

/** What a column is for that its record may have and its type does not. */
const USES: Readonly<Record<string, string>> = {
  text_neg: 'negatives: use record type triplet',
  label: 'a label: rename text and text_pos to sentence1 and sentence2, or filter the pairs by it',
  score: 'a score: rename it to label, beside sentence1 and sentence2',
  scores: "a teacher's scores: use record type scored_triplet, with text_pos and text_neg",
  vector: 'an embedding: use record type text_vector, without text_pos',
  pos_scores: "FlagEmbedding's teacher scores: use --adapter bge",
  neg_scores: "FlagEmbedding's teacher scores: use --adapter bge",
  prompt: 'an instruction for the query: prepend it with --prefix, or in the records themselves',
  instruction: 'an instruction: prepend it with --prefix, or in the records themselves',
};

/**
 * The record as its type: itself, or a copy whose label is a number.
 *
 * @param given Where the record is from; what its reader remembered if left out.
 * @throws DataError where a field is missing, a text is no string, a label of a pair no number, a vector or scores no
 * numbers.
 */
export function validateRecord<T extends RecordType>(record: object, type: T, given?: string): Records[T] & Row {
  requireKind(record, ROW, given ?? 'record');
  requireKind(type, oneOf(...RECORD_TYPES), 'type');
  const where = given ?? sourceOf(record);
  const row = record as Row;
  for (const field of FIELDS[type]) {
    const value = row[field];
    if (field === 'text_neg')
      requireNegatives(row, where); // there may be none
    else if (value === undefined) throw missing(field, row, type, where);
    else if (field === 'label') requireLabel(value, type, where);
    else if (field === 'vector') requireNumbers(field, value, where);
    else if (field === 'scores') requireScores(row, where);
    else if (typeof value !== 'string') throw notText(field, value, where);
  }
  if (type !== 'scored_pair' || typeof row.label === 'number') return record as Records[T] & Row;
  return keepSource({ ...row, label: numericLabel(row.label) }, row) as unknown as Records[T] & Row;
}

function missing(field: string, row: Row, type: RecordType, where: string | undefined): DataError {
  return new DataError(
    `a ${type} needs ${field}; the record has {${Object.keys(row).join(', ')}}`,
    where,
    `give every record {${FIELDS[type].join(', ')}}`,
  );
}

function requireLabel(value: unknown, type: RecordType, where: string | undefined): void {
  if (type === 'labeled_text') {
    if (classOf(value) !== undefined) return;
    throw new DataError(`label is ${shown(value)}, not a class`, where, 'give a text or a number');
  }
  if (numericLabel(value) !== undefined) return;
  const fix = (typeof value === 'string' && labelFix(value)) || 'give a finite number';
  throw new DataError(`label is ${shown(value)}, not a number`, where, fix);
}

function requireNegatives(row: Row, where: string | undefined): void {
  for (const [name, value] of Object.entries(row)) {
    if (!NEGATIVE.test(name) || value === null) continue;
    for (const text of Array.isArray(value) && name === 'text_neg' ? value : [value]) {
      if (typeof text !== 'string') throw notText(name, text, where);
    }
  }
}

function requireScores(row: Row, where: string | undefined): void {
  requireNumbers('scores', row.scores, where);
  const { length } = row.scores as ArrayLike<number>;
  const texts = 1 + negativesOf(row).length;
  if (length === texts) return;
  const what = `${length} scores for a positive and ${texts - 1} negatives`;
  throw new DataError(what, where, "give the positive's score, then one for each negative");
}

function requireNumbers(field: string, value: unknown, where: string | undefined): void {
  const numbers = Array.isArray(value) || ArrayBuffer.isView(value) ? [...(value as Float32Array)] : [];
  if (numbers.length > 0 && numbers.every(Number.isFinite)) return;
  throw new DataError(`${field} is ${shown(value)}, not a list of numbers`, where, 'give finite numbers');
}

function notText(field: string, value: unknown, where: string | undefined): DataError {
  return new DataError(`${field} is ${shown(value)}, not a text`, where, 'give a string');
}

/** A value as an error prints it; JSON has no bigint and no NaN. */
function shown(value: unknown): string {
  const text = typeof value === 'object' || typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
