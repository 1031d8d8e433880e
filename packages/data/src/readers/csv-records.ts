/** Splits text into the records of a CSV file: RFC 4180, with LF or CRLF. */

import type { Problem } from './shapes.ts';

const QUOTE = '"';

export interface CsvRecord {
  fields: string[];
  /** Lines the record covers; more than one where a quoted field holds newlines. */
  lines: number;
  /** What is wrong with its quotes, and what to do. */
  problem?: Problem;
}

export const UNENDED: Problem = {
  what: 'a quoted field does not end',
  fix: 'close the quote; inside a field, double it',
};

/**
 * The records of a text that begins at a line's start.
 *
 * @param final Whether the file ends with the text; if not, a record that does not end is left for the next text.
 * @param quoted Whether fields may stand in quotes; if not, a quote is a character like others.
 * @returns Where the record that was left begins: the text's length if there is none.
 */
export function* csvRecords(
  text: string,
  delimiter: string,
  final: boolean,
  quoted = true,
): Generator<CsvRecord, number> {
  let at = 0;
  let quote = quoted ? text.indexOf(QUOTE) : -1;
  while (at < text.length) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline;
    if (quote >= 0 && quote < at) quote = text.indexOf(QUOTE, at);
    if (quote < 0 || quote > end) {
      yield { fields: text.slice(at, text[end - 1] === '\r' && end > at ? end - 1 : end).split(delimiter), lines: 1 };
      at = end + 1;
      continue;
    }
    const record = quotedRecord(text, at, delimiter);
    if (!record) {
      if (!final) return at;
      yield { fields: [], lines: 1, problem: UNENDED };
      return text.length;
    }
    yield record;
    at = record.end;
  }
  return text.length;
}

/** A record with a quote in it; undefined if the text ends first. */
function quotedRecord(text: string, from: number, delimiter: string): (CsvRecord & { end: number }) | undefined {
  const fields: string[] = [];
  let problem: Problem | undefined;
  let lines = 1;
  let at = from;
  for (;;) {
    if (text[at] !== QUOTE) {
      const end = fieldEnd(text, at, delimiter);
      fields.push(text.slice(at, end));
      at = end;
    } else {
      const close = closingQuote(text, at + 1);
      if (close < 0) return undefined;
      const value = text.slice(at + 1, close);
      for (let i = value.indexOf('\n'); i >= 0; i = value.indexOf('\n', i + 1)) lines += 1;
      fields.push(value.includes(QUOTE) ? value.replaceAll('""', QUOTE) : value);
      at = fieldEnd(text, close + 1, delimiter);
      if (at > close + 1) {
        const what = `'${text.slice(close + 1, Math.min(at, close + 21))}' after a closing quote`;
        problem ??= { what, fix: 'double a quote inside a quoted field' };
      }
    }
    if (text.startsWith(delimiter, at)) {
      at += delimiter.length;
      continue;
    }
    const end = text[at] === '\r' ? at + 2 : at + 1;
    return { fields, lines, end, ...(problem ? { problem } : {}) };
  }
}

/** Where an unquoted stretch ends: at a delimiter, a line's end or the text's. */
function fieldEnd(text: string, from: number, delimiter: string): number {
  let at = from;
  while (at < text.length) {
    if (text[at] === '\n' || (text[at] === '\r' && text[at + 1] === '\n') || text.startsWith(delimiter, at)) break;
    at += 1;
  }
  return at;
}

/** The quote that is not doubled, or -1. */
function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf(QUOTE, from); at >= 0; at = text.indexOf(QUOTE, at + 2)) {
    if (text[at + 1] !== QUOTE) return at;
  }
  return -1;
}
