/** Rows at hand, with the names and meaning of Python's `datasets`. */

import { DataError } from './errors.ts';
import { keepSource, sourceOf } from './provenance.ts';
import { Pcg64 } from './random.ts';
import type { Row } from './records.ts';

/** Splits by name. */
export type DatasetDict = { train: Dataset; validation?: Dataset; dev?: Dataset; test?: Dataset };

/** An immutable list of rows; every method gives a new Dataset. */
export class Dataset implements Iterable<Row>, AsyncIterable<Row> {
  readonly #rows: readonly Row[];

  private constructor(rows: readonly Row[]) {
    this.#rows = rows;
  }

  static fromRows(rows: Iterable<Row>): Dataset {
    return new Dataset([...rows]);
  }

  get length(): number {
    return this.#rows.length;
  }

  [Symbol.iterator](): Iterator<Row> {
    return this.#rows[Symbol.iterator]();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Row> {
    yield* this.#rows;
  }

  /** The row at an index; from the end if negative. */
  row(index: number): Row {
    const row = this.#rows.at(Number.isInteger(index) ? index : Number.POSITIVE_INFINITY);
    if (!row) throw new DataError(`no row ${index}`, 'row', `the dataset has ${this.length} rows, counted from 0`);
    return row;
  }

  /** The rows at the given indices, in their order. */
  select(indices: Iterable<number>): Dataset {
    return new Dataset(
      Array.from(indices, (index) => {
        const row = this.#rows[index];
        if (!row)
          throw new DataError(`no row ${index}`, 'select', `the dataset has ${this.length} rows, counted from 0`);
        return row;
      }),
    );
  }

  map(transform: (row: Row, index: number) => Row): Dataset {
    return new Dataset(this.#rows.map((row, index) => keepSource(transform(row, index), row)));
  }

  filter(keep: (row: Row, index: number) => boolean): Dataset {
    return new Dataset(this.#rows.filter(keep));
  }

  renameColumn(from: string, to: string): Dataset {
    return this.renameColumns({ [from]: to });
  }

  /**
   * Columns that are not named keep their names.
   *
   * @throws DataError where no row has a column, or a row would have two columns of one name.
   */
  renameColumns(names: Readonly<Record<string, string>>): Dataset {
    const renamed = new Map(Object.entries(names));
    for (const from of renamed.keys()) {
      if (this.length === 0 || this.#rows.some((row) => Object.hasOwn(row, from))) continue;
      const columns = Object.keys(this.#rows[0] ?? {}).join(', ');
      throw new DataError(`no column '${from}'`, 'renameColumns', `name one of {${columns}}`);
    }
    return this.map((row) => {
      const entries = Object.entries(row).map(([key, value]) => [renamed.get(key) ?? key, value] as const);
      const result = Object.fromEntries(entries);
      if (Object.keys(result).length < entries.length) {
        const columns = entries.map(([key]) => key).join(', ');
        throw new DataError(`two columns of one name: {${columns}}`, sourceOf(row), 'give names that are not taken');
      }
      return result;
    });
  }

  /** The order `datasets` gives for the seed. */
  shuffle({ seed }: { seed: number }): Dataset {
    return this.select(new Pcg64(seed).permutation(this.length));
  }

  /**
   * A shuffled split; the rows `datasets` gives: the permutation's first ⌈testSize·n⌉ are the test, the rest train.
   *
   * @param testSize A fraction below 1, or a number of rows.
   */
  trainTestSplit({ testSize, seed }: { testSize: number; seed: number }): { train: Dataset; test: Dataset } {
    const test = testSize < 1 ? Math.ceil(testSize * this.length) : testSize;
    if (!(Number.isInteger(test) && test > 0 && test < this.length)) {
      throw new DataError(
        `testSize ${testSize} does not split ${this.length} rows`,
        'trainTestSplit',
        'give a fraction between 0 and 1, or a whole number of rows, that leaves rows on both sides',
      );
    }
    const order = new Pcg64(seed).permutation(this.length);
    return { test: this.select(order.slice(0, test)), train: this.select(order.slice(test)) };
  }
}
