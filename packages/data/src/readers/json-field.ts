/** Where the records of a JSON object are: under one of its keys, or nowhere where another layout is meant. */

import { DataError } from '../errors.ts';
import { isRecord } from '../records/records.ts';
import { JsonOutline, type OutlineKey } from './json-outline.ts';
import type { TextFile } from './text.ts';

const PANDAS = 'write it with df.to_json(path, orient="records", lines=True)';

/** A key, and the byte of the content at which its list's elements begin. */
export interface FoundField {
  name: string;
  start: number;
  /** Whether it was found unasked. */
  isFound: boolean;
}

/**
 * The key whose list holds the records; undefined where the file is an array or objects one after another.
 *
 * @throws DataError for a field that is not there, several that may be meant, and files of columns.
 */
export async function fieldOf(text: TextFile, field: string | undefined): Promise<FoundField | undefined> {
  const outline = new JsonOutline();
  for await (const chunk of text.content()) if (outline.push(chunk)) break;
  const { kind, keys } = outline;
  const names = keys.map(({ name }) => name).join(', ');
  if (field !== undefined) {
    const key = keys.find(({ name }) => name === field);
    if (kind === 'object' && (key?.kind === 'objects' || key?.kind === 'empty')) {
      return { name: field, start: key.start, isFound: false };
    }
    const what = kind === 'object' ? `no list of objects under '${field}'; the object has {${names}}` : NO_OBJECT;
    throw new DataError(what, text.name, 'name a key whose list holds the records with --field, or leave it out');
  }
  if (kind !== 'object' || keys.length === 0) return undefined;
  const columns = columnsProblem(keys);
  if (columns) throw new DataError(columns, text.name, PANDAS);
  const lists = keys.filter((key) => key.kind === 'objects');
  const [only] = lists;
  if (!only || isRecord(keys.map(({ name }) => name))) return undefined;
  if (lists.length === 1) return { name: only.name, start: only.start, isFound: true };
  const several = lists.map(({ name }) => name).join(', ');
  throw new DataError(`lists of objects under ${several}`, text.name, `name one of them, as --field ${only.name}`);
}

const NO_OBJECT = 'holds records, not an object around them';

/** Layouts of pandas and of `datasets` that keep a column together. */
function columnsProblem(keys: readonly OutlineKey[]): string | undefined {
  const isNumber = (name: string | undefined) => name !== undefined && /^\d+$/.test(name);
  if (keys.every(({ kind, firstKey }) => kind === 'object' && isNumber(firstKey))) {
    return "holds an object of rows for each column, as pandas' to_json writes by default (orient='columns')";
  }
  if (keys.every(({ kind, name }) => kind === 'object' && isNumber(name))) {
    return "holds an object of its rows by number, as pandas' to_json(orient='index') writes";
  }
  if (keys.length > 1 && keys.every(({ kind }) => kind === 'list')) {
    return 'holds a list for each column, not an object for each record';
  }
  return undefined;
}
