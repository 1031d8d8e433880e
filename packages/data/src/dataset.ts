/** Rows at hand, with the names and meaning of Python's `datasets`. */

import { DataError } from './errors.ts';
import { Pcg64 } from './random.ts';
import { type Row, rememberSource, sourceOf } from './records.ts';

/** Splits by name. */
export type DatasetDict = { train: Dataset; validation?: Dataset; dev?: Dataset; test?: Dataset };

/** An immutable list of rows; every method gives a new Dataset. */
export class Dataset implements Iterable<Row> {
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

  /** The rows at the given indices, in their order. */
  select(indices: Iterable<number>): Dataset {
    return new Dataset(
      Array.from(indices, (index) => {
        const row = this.#rows[index];
        if (!row) throw new DataError(`no row ${index}`, 'select', `give indices from 0 to ${this.length - 1}`);
        return row;
      }),
    );
  }

  map(transform: (row: Row, index: number) => Row): Dataset {
    return new Dataset(this.#rows.map((row, index) => withSource(transform(row, index), row)));
  }

  filter(keep: (row: Row, index: number) => boolean): Dataset {
    return new Dataset(this.#rows.filter(keep));
  }

  /** Columns that are not named keep their names. */
  renameColumns(names: Readonly<Record<string, string>>): Dataset {
    return this.map((row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [names[key] ?? key, value])));
  }

  /** The order `datasets` gives for the seed. */
  shuffle({ seed }: { seed: number }): Dataset {
    return this.select(new Pcg64(seed).permutation(this.length));
  }

  /** A shuffled split; the rows `datasets` gives. @param testSize A fraction below 1, or a number of rows. */
  trainTestSplit({ testSize, seed }: { testSize: number; seed: number }): { train: Dataset; test: Dataset } {
    const test = testSize < 1 ? Math.ceil(testSize * this.length) : testSize;
    if (!(test > 0 && test < this.length)) {
      throw new DataError(
        `testSize ${testSize} of ${this.length} rows leaves one side empty`,
        'trainTestSplit',
        'change it',
      );
    }
    const train = testSize < 1 ? Math.floor((1 - testSize) * this.length) : this.length - test;
    const order = new Pcg64(seed).permutation(this.length);
    return { test: this.select(order.slice(0, test)), train: this.select(order.slice(test, test + train)) };
  }
}

function withSource(row: Row, original: Row): Row {
  const where = sourceOf(original);
  if (where) rememberSource(row, where);
  return row;
}
