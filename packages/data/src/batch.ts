/** Groups of rows, in order or nearly so. */

import { DataError } from './errors.ts';

export interface BatchOptions<T> {
  batchSize: number;
  /** Leaves out groups that are not full. */
  dropLast?: boolean | undefined;
  /** No two rows of a group share one of these; a row that would is put off to the next. */
  textsOf?: ((row: T) => readonly string[]) | undefined;
  /** A group is of one kind: the rows of others wait for their own. */
  kindOf?: ((row: T) => unknown) | undefined;
}

/** Groups' worth of rows that may be put off; past them a group is given before it is full. */
const MOST_WAITING = 10;

/**
 * Groups of `batchSize`; the last ones may be smaller unless dropLast. The same rows give the same groups.
 *
 * @throws DataError for a batchSize that is not a whole number from 1 on.
 */
export async function* batches<T>(
  source: Iterable<T> | AsyncIterable<T>,
  { batchSize, dropLast = false, textsOf, kindOf = () => undefined }: BatchOptions<T>,
): AsyncGenerator<T[]> {
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw new DataError(`batchSize is ${batchSize}`, 'batchSize', 'give a whole number from 1 on');
  }
  const open = new Map<unknown, OpenGroup<T>>();
  for await (const row of source) {
    const kind = kindOf(row);
    const group = open.get(kind) ?? new OpenGroup(batchSize, textsOf);
    open.set(kind, group);
    yield* group.add(row);
  }
  for (const group of open.values()) {
    for (const rows of group.rest()) if (rows.length === batchSize || !dropLast) yield rows;
  }
}

/** The group that rows go to, and those that wait for a later one. */
class OpenGroup<T> {
  readonly #size: number;
  readonly #textsOf: ((row: T) => readonly string[]) | undefined;
  #rows: T[] = [];
  #texts = new Set<string>();
  #waiting: T[] = [];

  constructor(size: number, textsOf: ((row: T) => readonly string[]) | undefined) {
    this.#size = size;
    this.#textsOf = textsOf;
  }

  /** The groups that the row completes. */
  *add(row: T): Generator<T[]> {
    if (!this.#take(row)) this.#waiting.push(row);
    if (this.#waiting.length > MOST_WAITING * this.#size) yield this.#next();
    while (this.#rows.length === this.#size) yield this.#next();
  }

  /** What is left, in as many groups as it takes. */
  *rest(): Generator<T[]> {
    while (this.#rows.length > 0) yield this.#next();
  }

  #take(row: T): boolean {
    if (this.#rows.length === this.#size) return false;
    const texts = this.#textsOf?.(row) ?? [];
    if (texts.some((text) => this.#texts.has(text))) return false;
    for (const text of texts) this.#texts.add(text);
    this.#rows.push(row);
    return true;
  }

  /** The group as it is; the next one begins with the rows that waited. */
  #next(): T[] {
    const rows = this.#rows;
    this.#rows = [];
    this.#texts = new Set();
    this.#waiting = this.#waiting.filter((row) => !this.#take(row));
    return rows;
  }
}
