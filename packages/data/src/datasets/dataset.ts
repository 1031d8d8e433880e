/** Rows at hand, with the names and meaning of Python's `datasets`. */

import { CALLBACK, COUNT, FLAG, INDEX, type Kind, NAME, OBJECT, TEXT } from '@uniem/hub/arguments';

import { ITERABLE, ROW, requireKind, requireList, requireOptions, SEED } from '../arguments.ts';
import { DataError } from '../errors.ts';
import { Pcg64 } from '../random.ts';
import type { BadRecords } from '../readers/reader.ts';
import type { Row } from '../records/records.ts';
import { partRange } from '../stream/node.ts';
import { RowsNode } from '../stream/sources.ts';
import { merged } from '../stream/transforms.ts';
import { writeJsonl, writeParquet } from '../writers/write.ts';
import { IterableDataset } from './iterable-dataset.ts';
import { type Table, TableBuilder } from './table.ts';

/** Splits by name. */
export type DatasetDict = { train: Dataset; validation?: Dataset; dev?: Dataset; test?: Dataset } & {
  [split: string]: Dataset | undefined;
};

/** How a row of the dataset is made of a row of the table. */
interface View {
  /** The table's rows in the dataset's order; all of them in theirs if left out. */
  order?: Uint32Array;
  /** Columns that are shown, under which name; all under their own if left out. */
  columns?: ReadonlyMap<string, string>;
}

export interface SplitOptions {
  /** A fraction below 1, or a number of rows; a quarter if neither size is given. */
  testSize?: number;
  /** A fraction below 1, or a number of rows; what the test leaves if left out. */
  trainSize?: number;
  /** Left out, the split must not be shuffled. */
  seed?: number;
  /** Default true; else the first rows are train, the next test. */
  shuffle?: boolean;
}

/** An immutable list of rows, kept as columns; every method gives a new Dataset over the same columns where it can. */
export class Dataset implements Iterable<Row>, AsyncIterable<Row> {
  readonly #table: Table;
  readonly #view: View;
  /** The records that were left out when it was loaded with onBadRecord: 'skip'. */
  readonly skipped: BadRecords | undefined;

  private constructor(table: Table, view: View = {}, skipped?: BadRecords) {
    this.#table = table;
    this.#view = view;
    this.skipped = skipped;
  }

  static fromRows(rows: Iterable<Row>): Dataset {
    requireKind(rows, SYNC_ITERABLE, 'rows');
    const builder = new TableBuilder();
    let count = 0;
    for (const row of rows) {
      requireKind(row, ROW, `rows[${count++}]`);
      builder.add(row);
    }
    return new Dataset(builder.finish());
  }

  /** Over columns that were built elsewhere. */
  static fromTable(table: Table, skipped?: BadRecords): Dataset {
    return new Dataset(table, {}, skipped);
  }

  get length(): number {
    return this.#view.order?.length ?? this.#table.length;
  }

  /** The columns that any row has. */
  get columnNames(): string[] {
    const { columns } = this.#view;
    return columns ? [...columns.values()] : [...this.#table.columnNames];
  }

  *[Symbol.iterator](): Generator<Row> {
    for (let i = 0; i < this.length; i++) yield this.#at(i);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Row> {
    for (let i = 0; i < this.length; i++) yield this.#at(i);
  }

  /** The row at an index; from the end if negative. */
  row(index: number): Row {
    const at = index < 0 ? this.length + index : index;
    if (!(Number.isInteger(at) && at >= 0 && at < this.length)) throw this.#noRow(index, 'row');
    return this.#at(at);
  }

  /** The rows from `start` up to `end`. */
  slice(start: number, end: number): Row[] {
    requireKind(start, INDEX, 'start');
    requireKind(end, INDEX, 'end');
    const rows: Row[] = [];
    for (let i = start; i < Math.min(end, this.length); i++) rows.push(this.#at(i));
    return rows;
  }

  /** A column's values; null where a row has none. */
  column(name: string): unknown[] {
    requireKind(name, TEXT, 'column');
    this.#check([name], 'column');
    return Array.from(this.selectColumns([name]), (row) => row[name] ?? null);
  }

  /** The rows at the given indices, in their order. */
  select(indices: Iterable<number>): Dataset {
    requireKind(indices, SYNC_ITERABLE, 'indices');
    const { order } = this.#view;
    const chosen = Uint32Array.from(indices, (index) => {
      if (!(Number.isInteger(index) && index >= 0 && index < this.length)) throw this.#noRow(index, 'select');
      return order ? (order[index] as number) : index;
    });
    return this.#with({ order: chosen });
  }

  take(count: number): Dataset {
    requireKind(count, INDEX, 'take');
    return this.select(range(0, Math.min(count, this.length)));
  }

  skip(count: number): Dataset {
    requireKind(count, INDEX, 'skip');
    return this.select(range(count, this.length));
  }

  /** One of `count` parts: neighbouring rows, or every count-th if not contiguous. */
  shard(options: { count: number; index: number; contiguous?: boolean }): Dataset {
    requireOptions(options, { count: COUNT, index: INDEX, contiguous: FLAG }, 'shard');
    const { count, index, contiguous = true } = options;
    checkShard(count, index);
    const all = contiguous ? range(...partRange(this.length, count, index)) : range(index, this.length, count);
    return this.select(all);
  }

  /** What the function gives is put over each row: columns it does not name stay, unless they are to be removed. */
  map(
    transform: (row: Row, index: number) => Row,
    { removeColumns = [] }: { removeColumns?: readonly string[] } = {},
  ): Dataset {
    requireKind(transform, CALLBACK, 'map');
    requireList(removeColumns, TEXT, 'removeColumns');
    const builder = new TableBuilder();
    for (let i = 0; i < this.length; i++) {
      const row = this.#at(i);
      const made = transform(row, i);
      requireKind(made, ROW, 'what map’s function gives');
      builder.add(merged(row, made, removeColumns));
    }
    return new Dataset(builder.finish(), {}, this.skipped);
  }

  filter(keep: (row: Row, index: number) => boolean): Dataset {
    requireKind(keep, CALLBACK, 'filter');
    const kept: number[] = [];
    for (let i = 0; i < this.length; i++) if (keep(this.#at(i), i)) kept.push(i);
    return this.select(kept);
  }

  renameColumn(from: string, to: string): Dataset {
    return this.renameColumns({ [from]: to });
  }

  /**
   * Columns that are not named keep their names.
   *
   * @throws DataError where no row has a column, or two would have one name.
   */
  renameColumns(names: Readonly<Record<string, string>>): Dataset {
    requireKind(names, OBJECT, 'renameColumns');
    requireList(Object.values(names), NAME, 'renameColumns');
    this.#check(Object.keys(names), 'renameColumns');
    const columns = this.#columns().map(([own, shown]) => [own, names[shown] ?? shown] as const);
    const shown = columns.map(([, name]) => name);
    if (new Set(shown).size < shown.length) {
      const what = `two columns of one name: {${shown.join(', ')}}`;
      throw new DataError(what, 'renameColumns', 'give names that are not taken');
    }
    return this.#with({ columns: new Map(columns) });
  }

  selectColumns(columns: readonly string[]): Dataset {
    requireList(columns, TEXT, 'selectColumns');
    this.#check(columns, 'selectColumns');
    const own = new Map(this.#columns().map(([from, shown]) => [shown, from]));
    return this.#with({ columns: new Map(columns.map((name) => [own.get(name) as string, name])) });
  }

  removeColumns(columns: readonly string[]): Dataset {
    requireList(columns, TEXT, 'removeColumns');
    this.#check(columns, 'removeColumns');
    return this.selectColumns(this.columnNames.filter((name) => !columns.includes(name)));
  }

  /** The order `datasets` gives for the seed. */
  shuffle(options: { seed: number }): Dataset {
    requireOptions(options, { seed: SEED }, 'shuffle');
    return this.select(new Pcg64(options.seed).permutation(this.length));
  }

  /** A split; the rows `datasets` gives: the permutation's first ⌈testSize·n⌉ are the test, the next train. */
  trainTestSplit(options: SplitOptions): { train: Dataset; test: Dataset } {
    requireOptions(options, { testSize: SIZE, trainSize: SIZE, seed: SEED, shuffle: FLAG }, 'trainTestSplit');
    const { testSize, trainSize, seed, shuffle = true } = options;
    const { test, train } = splitSizes(this.length, testSize, trainSize);
    if (!shuffle) return { train: this.select(range(0, train)), test: this.select(range(train, train + test)) };
    if (seed === undefined) throw new DataError('no seed', 'trainTestSplit', 'give a seed, or shuffle: false');
    const order = new Pcg64(seed).permutation(this.length);
    return { test: this.select(order.subarray(0, test)), train: this.select(order.subarray(test, test + train)) };
  }

  /** The rows as a stream, in so many shards, as a folder of files would have. */
  toIterableDataset(options: { numShards?: number } = {}): IterableDataset {
    requireOptions(options, { numShards: COUNT }, 'toIterableDataset');
    const { numShards = 1 } = options;
    return IterableDataset.fromNode(RowsNode.of(this, numShards));
  }

  /** Writes a row a line. */
  toJsonl(path: string): Promise<void> {
    return writeJsonl(path, this);
  }

  toParquet(path: string): Promise<void> {
    return writeParquet(path, this);
  }

  #at(index: number): Row {
    const { order, columns } = this.#view;
    return this.#table.row(order ? (order[index] as number) : index, columns);
  }

  #with(view: View): Dataset {
    return new Dataset(this.#table, { ...this.#view, ...view }, this.skipped);
  }

  /** The table's names of the columns, and the dataset's. */
  #columns(): (readonly [string, string])[] {
    return [...(this.#view.columns ?? this.#table.columnNames.map((name) => [name, name] as const))];
  }

  #check(columns: readonly string[], where: string): void {
    const found = this.columnNames;
    if (this.length === 0 && found.length === 0) return;
    for (const name of columns) {
      if (!found.includes(name)) throw new DataError(`no column '${name}'`, where, `name one of {${found.join(', ')}}`);
    }
  }

  #noRow(index: number, where: string): DataError {
    return new DataError(`no row ${index}`, where, `the dataset has ${this.length} rows, counted from 0`);
  }
}

/** Which sizes there are is `splitSizes`' to say. */
const SIZE: Kind = { name: 'a number', is: (value) => typeof value === 'number' };

const SYNC_ITERABLE: Kind = {
  name: 'an iterable, which is no promise',
  is: (value) => ITERABLE.is(value) && Symbol.iterator in (value as object),
};

function* range(start: number, end: number, step = 1): Generator<number> {
  for (let i = start; i < end; i += step) yield i;
}

export function checkShard(count: number, index: number): void {
  if (Number.isSafeInteger(count) && Number.isSafeInteger(index) && index >= 0 && index < count) return;
  throw new DataError(`no shard ${index} of ${count}`, 'shard', 'count shards from 0');
}

/** The sizes scikit-learn and `datasets` give: a fraction of the test is rounded up, one of the train down. */
function splitSizes(rows: number, testSize: number | undefined, trainSize: number | undefined) {
  const wantedTest = testSize ?? (trainSize === undefined ? 0.25 : undefined);
  const test = wantedTest === undefined ? undefined : wantedTest < 1 ? Math.ceil(wantedTest * rows) : wantedTest;
  const train = trainSize === undefined ? undefined : trainSize < 1 ? Math.floor(trainSize * rows) : trainSize;
  const sizes = { test: test ?? rows - (train as number), train: train ?? rows - (test as number) };
  const good = [sizes.test, sizes.train].every((size) => Number.isInteger(size) && size > 0);
  if (good && sizes.test + sizes.train <= rows) return sizes;
  const given = [
    ...(testSize === undefined ? [] : [`testSize ${testSize}`]),
    ...(trainSize === undefined ? [] : [`trainSize ${trainSize}`]),
  ].join(' and ');
  throw new DataError(
    `${given || 'testSize 0.25'} ${given.includes(' and ') ? 'do' : 'does'} not split ${rows} rows`,
    'trainTestSplit',
    'give a fraction between 0 and 1, or a whole number of rows, that leaves rows on both sides',
  );
}
