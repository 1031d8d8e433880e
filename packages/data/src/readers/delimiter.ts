/** Which character stands between the fields of delimited text. */

import { csvRecords } from './csv-records.ts';

/** In the order in which they are preferred where they do as well as each other. */
const DELIMITERS = [',', ';', '\t', '|'] as const;
/** Records that are looked at. */
const RECORDS = 10;

/** How messages and reports show it. */
export const shownDelimiter = (delimiter: string) => (delimiter === '\t' ? 'tab' : delimiter);

/**
 * The delimiter that stands in the first record and parts the next ones into as many fields.
 *
 * @param text The file's beginning: whole records, unless it is short.
 * @param fields How many fields a record has, where that is known.
 * @param usual What it is by the file's name, where nothing in the text tells.
 */
export function delimiterOf(text: string, fields: number | undefined, usual: string): string {
  const order = [usual, ...DELIMITERS.filter((delimiter) => delimiter !== usual)];
  const found = order.map((delimiter) => {
    const counts = fieldCounts(text, delimiter);
    const [first = 1] = counts;
    const wanted = fields ?? first;
    const agree = counts.filter((count) => count === wanted).length / Math.max(1, counts.length);
    return { delimiter, first, agree };
  });
  const splitting = found.filter(({ first }) => first > 1 && (fields === undefined || first === fields));
  const best = splitting.sort((a, b) => b.agree - a.agree)[0]; // a stable sort: of equals the first in order
  return best?.delimiter ?? usual;
}

function fieldCounts(text: string, delimiter: string): number[] {
  const counts: number[] = [];
  for (const { fields, problem } of csvRecords(text, delimiter, false)) {
    if (problem || (fields.length === 1 && fields[0] === '')) continue;
    counts.push(fields.length);
    if (counts.length === RECORDS) break;
  }
  return counts;
}
