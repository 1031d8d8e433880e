/** What a dataset holds, before anything is trained on it. */

import { inferRecordType, type RecordType, type Row } from './records.ts';

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
  /** Numbers of `label`. */
  labels: { least: number; most: number; distinct: number; invalid: number } | undefined;
}

const FIRST_BOUND = 8;

/** Reads all rows once. */
export async function inspectRows(rows: Iterable<Row> | AsyncIterable<Row>): Promise<Inspection> {
  let count = 0;
  let first: Row | undefined;
  let duplicates = 0;
  const seen = new Set<string>();
  const anchors = new Map<string, number>();
  const columns = new Set<string>();
  const texts = new Map<string, TextColumn>();
  const labels = { least: Number.POSITIVE_INFINITY, most: Number.NEGATIVE_INFINITY, distinct: 0, invalid: 0 };
  const distinct = new Set<number>();
  for await (const row of rows) {
    first ??= row;
    count += 1;
    const key = JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? String(value) : value));
    if (seen.has(key)) duplicates += 1;
    else seen.add(key);
    for (const [name, value] of Object.entries(row)) {
      columns.add(name);
      if (typeof value === 'string') addText(texts, name, value);
    }
    const anchor = row.text ?? row.sentence1;
    if (typeof anchor === 'string') anchors.set(anchor, (anchors.get(anchor) ?? 0) + 1);
    if ('label' in row) {
      const label = typeof row.label === 'bigint' || typeof row.label === 'number' ? Number(row.label) : Number.NaN;
      if (!Number.isFinite(label)) labels.invalid += 1;
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
    labels: columns.has('label') ? { ...labels, distinct: distinct.size } : undefined,
  };
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
