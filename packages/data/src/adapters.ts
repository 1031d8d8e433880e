/** Records of other projects' datasets as records of ours, several of one where it has several positives. */

import { DataError } from './errors.ts';
import { keepSource, sourceOf } from './provenance.ts';
import type { Row } from './records.ts';

/**
 * bge   `{query, pos: [texts], neg: [texts]}`, FlagEmbedding's: one record a positive, with all the negatives
 * medi  `{query: [instruction, text], pos: […], neg: […], task_name}`, INSTRUCTOR's: the instruction before each text
 */
export const ADAPTERS = ['bge', 'medi'] as const;

export type Adapter = (typeof ADAPTERS)[number];

const ADAPT: Record<Adapter, (row: Row) => Row[]> = {
  bge(row) {
    const { query, pos, neg, ...rest } = row;
    const negatives = neg === undefined ? {} : { text_neg: texts(row, 'neg') };
    return texts(row, 'pos').map((text_pos) => ({ ...rest, text: text(row, 'query'), text_pos, ...negatives }));
  },
  medi(row) {
    const { query, pos, neg, ...rest } = row;
    const [text, text_pos, text_neg] = ['query', 'pos', 'neg'].map((field) => instructed(row, field));
    return [{ ...rest, text, text_pos, text_neg }];
  },
};

/** The records of each row, in order. @throws DataError for a row of another shape, naming its place and field. */
export async function* adaptRecords(rows: Iterable<Row> | AsyncIterable<Row>, adapter: Adapter): AsyncGenerator<Row> {
  for await (const row of rows) for (const record of ADAPT[adapter](row)) yield keepSource(record, row);
}

function text(row: Row, field: string): string {
  const value = row[field];
  if (typeof value === 'string') return value;
  throw wrong(row, field, 'a text');
}

function texts(row: Row, field: string): string[] {
  const value = row[field];
  if (Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'string')) return value;
  throw wrong(row, field, 'a list of texts');
}

/** INSTRUCTOR encodes an instruction and a text as one; some of its texts have no instruction. */
function instructed(row: Row, field: string): string {
  const value = row[field];
  if (Array.isArray(value) && value.length === 2 && value.every((one) => typeof one === 'string'))
    return value.join('');
  throw wrong(row, field, 'an instruction and a text');
}

function wrong(row: Row, field: string, needed: string): DataError {
  const shown = JSON.stringify(row[field]) ?? 'missing';
  return new DataError(
    `${field} is ${shown.slice(0, 60)}, and must be ${needed}`,
    sourceOf(row),
    'correct the record, or leave the adapter out',
  );
}
