/** What a dataset holds, before anything is trained on it. */

import { ITERABLE, ROW, requireKind } from '../arguments.ts';
import { classOf, numericLabel } from '../records/labels.ts';
import { inferRecordType, type RecordType, type Row } from '../records/records.ts';

/** Texts of one column by their length in characters. */
export interface TextColumn {
  name: string;
  empty: number;
  shortest: number;
  longest: number;
  mean: number;
  /** Counts by upper bound, each bound twice the one before; the last bin that holds any is the last. */
  bins: { below: number; count: number }[];
}

export interface Inspection {
  rows: number;
  columns: string[];
  /** Undefined where the first record matches none. */
  recordType: RecordType | undefined;
  texts: TextColumn[];
  /** Records that occurred before, all fields alike. */
  duplicates: number;
  /** Texts of `text` or `sentence1` that stand in more than one record. */
  sharedTexts: number;
  /** Numbers of `label`, how many labels are none, and all different ones as text. */
  labels: { least: number; most: number; distinct: number; invalid: number; classes: string[] } | undefined;
}

const FIRST_BOUND = 8;

/** Reads all rows once. */
export async function inspectRows(rows: Iterable<Row> | AsyncIterable<Row>): Promise<Inspection> {
  requireKind(rows, ITERABLE, 'rows');
  let count = 0;
  let first: Row | undefined;
  let duplicates = 0;
  const seen = new Set<number>(); // of hashes: the texts of a million rows took 270 MB more
  const anchors = new Map<number, number>();
  const columns = new Set<string>();
  const texts = new Map<string, TextColumn>();
  const labels = { least: Number.POSITIVE_INFINITY, most: Number.NEGATIVE_INFINITY, distinct: 0, invalid: 0 };
  const distinct = new Set<number>();
  const classes = new Set<string>();
  for await (const row of rows) {
    requireKind(row, ROW, `rows[${count}]`);
    first ??= row;
    count += 1;
    const key = hash(JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? String(value) : value)));
    if (seen.has(key)) duplicates += 1;
    else seen.add(key);
    for (const [name, value] of Object.entries(row)) {
      columns.add(name);
      if (typeof value === 'string') addText(texts, name, value);
    }
    const anchor = row.text ?? row.sentence1;
    if (typeof anchor === 'string') {
      const text = hash(anchor);
      anchors.set(text, (anchors.get(text) ?? 0) + 1);
    }
    if ('label' in row) {
      const label = numericLabel(row.label);
      classes.add(classOf(row.label) ?? String(row.label));
      if (label === undefined) labels.invalid += 1;
      else {
        labels.least = Math.min(labels.least, label);
        labels.most = Math.max(labels.most, label);
        distinct.add(label);
      }
    }
  }
  return {
    rows: count,
    columns: [...columns],
    recordType: first && typeOf(first),
    texts: [...texts.values()].map((column) => ({ ...column, mean: column.mean / textsIn(column) })),
    duplicates,
    sharedTexts: [...anchors.values()].filter((times) => times > 1).length,
    labels: columns.has('label') ? { ...labels, distinct: distinct.size, classes: [...classes] } : undefined,
  };
}

/** 53 bits, by two multiplicative hashes: among ten million texts, two that differ meet with a chance of 1 in 180. */
function hash(text: string): number {
  let [a, b] = [0xdeadbeef, 0x41c6ce57];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x9e3779b1);
    b = Math.imul(b ^ unit, 0x5f356495);
  }
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b) ^ Math.imul(b ^ (b >>> 13), 0xc2b2ae35);
  b = Math.imul(b ^ (b >>> 16), 0x85ebca6b) ^ Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
  return 2 ** 32 * (b & 0x1fffff) + (a >>> 0);
}

const textsIn = ({ bins }: TextColumn) => bins.reduce((sum, { count }) => sum + count, 0);

function typeOf(row: Row): RecordType | undefined {
  try {
    return inferRecordType(row);
  } catch {
    return undefined; // the caller says what is there instead
  }
}

function addText(columns: Map<string, TextColumn>, name: string, text: string): void {
  const { length } = text;
  const column = columns.get(name) ?? {
    name,
    empty: 0,
    shortest: Number.POSITIVE_INFINITY,
    longest: 0,
    mean: 0, // the sum, until all are counted
    bins: [],
  };
  columns.set(name, column);
  if (text.trim() === '') column.empty += 1;
  column.shortest = Math.min(column.shortest, length);
  column.longest = Math.max(column.longest, length);
  column.mean += length;
  const index = length < FIRST_BOUND ? 0 : Math.floor(Math.log2(length / FIRST_BOUND)) + 1;
  while (column.bins.length <= index) column.bins.push({ below: FIRST_BOUND * 2 ** column.bins.length, count: 0 });
  (column.bins[index] as { count: number }).count += 1;
}
