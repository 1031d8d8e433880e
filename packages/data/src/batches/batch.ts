/** Groups of rows, in order or nearly so. */

import { CALLBACK, COUNT, FLAG, OBJECT } from '@uniem/hub/arguments';

import { ITERABLE, requireKind, requireList, requireOptions } from '../arguments.ts';

export interface BatchOptions<T> {
  batchSize: number;
  /** Leaves out groups that are not full. */
  dropLast?: boolean | undefined;
  /** No two rows of a group share one of these; a row that would is put off to the next. */
  textsOf?: ((row: T) => readonly string[]) | undefined;
  /** A group is of one kind: the rows of others wait for their own. */
  kindOf?: ((row: T) => unknown) | undefined;
  /** A group ends before the row with which it would be larger than this in all, but not before it has `least` rows. */
  budget?: { sizeOf: (row: T) => number; most: number; least: number } | undefined;
}

const OPTIONS = { batchSize: COUNT, dropLast: FLAG, textsOf: CALLBACK, kindOf: CALLBACK, budget: OBJECT };

/** Groups' worth of rows that may be put off; past them a group is given before it is full. */
const MOST_WAITING = 10;

/**
 * Groups of `batchSize`; the last ones may be smaller unless dropLast. The same rows give the same groups.
 *
 * @throws DataError for a batchSize that is not a whole number from 1 on.
 */
export async function* batches<T>(
  source: Iterable<T> | AsyncIterable<T>,
  options: BatchOptions<T>,
): AsyncGenerator<T[]> {
  requireKind(source, ITERABLE, 'source');
  requireOptions(options, OPTIONS, 'batches');
  const { batchSize, dropLast = false, kindOf = () => undefined } = options;
  requireKind(batchSize, COUNT, 'batchSize');
  const open = new Map<unknown, OpenGroup<T>>();
  for await (const row of source) {
    const kind = kindOf(row);
    const group = open.get(kind) ?? new OpenGroup(options);
    open.set(kind, group);
    yield* group.add(row);
  }
  for (const group of open.values()) {
    for (const { rows, isFull } of group.rest()) if (isFull || !dropLast) yield rows;
  }
}

/** A row and what it adds to a group. */
interface Sized<T> {
  row: T;
  size: number;
}

/** The group that rows go to, and those that wait for a later one. */
class OpenGroup<T> {
  readonly #options: BatchOptions<T>;
  #rows: T[] = [];
  #size = 0;
  #texts = new Set<string>();
  #waiting: Sized<T>[] = [];

  constructor(options: BatchOptions<T>) {
    this.#options = options;
  }

  /** The groups that the row completes. */
  *add(row: T): Generator<T[]> {
    const sized = { row, size: this.#options.budget?.sizeOf(row) ?? 0 };
    while (!this.#hasRoom(sized.size)) yield this.#next(); // those that waited may fill the next one too
    if (!this.#take(sized)) this.#waiting.push(sized);
    if (this.#waiting.length > MOST_WAITING * this.#options.batchSize) yield this.#next();
    while (this.#rows.length === this.#options.batchSize) yield this.#next();
  }

  /** What is left, in as many groups as it takes. One is full where rows wait that it has no room for. */
  *rest(): Generator<{ rows: T[]; isFull: boolean }> {
    while (this.#rows.length > 0) {
      const isFull =
        this.#rows.length === this.#options.batchSize || this.#waiting.some(({ size }) => !this.#hasRoom(size));
      yield { rows: this.#next(), isFull };
    }
  }

  #hasRoom(size: number): boolean {
    const { batchSize, budget } = this.#options;
    if (this.#rows.length === batchSize) return false;
    return !budget || this.#rows.length < budget.least || this.#size + size <= budget.most;
  }

  #take({ row, size }: Sized<T>): boolean {
    if (!this.#hasRoom(size)) return false;
    const texts = this.#options.textsOf?.(row) ?? [];
    if (texts.some((text) => this.#texts.has(text))) return false;
    for (const text of texts) this.#texts.add(text);
    this.#rows.push(row);
    this.#size += size;
    return true;
  }

  /** The group as it is; the next one begins with the rows that waited. */
  #next(): T[] {
    const rows = this.#rows;
    this.#rows = [];
    this.#size = 0;
    this.#texts = new Set();
    this.#waiting = this.#waiting.filter((sized) => !this.#take(sized));
    return rows;
  }
}

/** One of each source in turn; the end of the first one that has no more is the end of all. */
export async function* roundRobin<T>(sources: readonly AsyncIterable<T>[]): AsyncGenerator<T> {
  requireList(sources, ITERABLE, 'sources');
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  try {
    while (iterators.length > 0) {
      for (const iterator of iterators) {
        const { value, done } = await iterator.next();
        if (done) return;
        yield value;
      }
    }
  } finally {
    for (const iterator of iterators) await iterator.return?.();
  }
}
