/** A stream of rows that is read only as far as it is used, with the names and meaning of Python's `datasets`. */

import { CALLBACK, COUNT, FLAG, INDEX, NAME, OBJECT, oneOf, TEXT } from '@uniem/hub/arguments';

import { requireKind, requireList, requireOptions, SEED } from '../arguments.ts';
import { LocalFile } from '../bytes.ts';
import { DataError } from '../errors.ts';
import { ON_BAD_RECORD, type OnBadRecord } from '../names.ts';
import { Pcg64 } from '../random.ts';
import { BadRecords, READ_OPTIONS, type ReadOptions } from '../readers/reader.ts';
import type { Row } from '../records/records.ts';
import { describe, type Node, RowReader, type State } from '../stream/node.ts';
import { RangeNode, RepeatNode, StepNode } from '../stream/ranges.ts';
import { type ShuffleOptions, shuffleNode } from '../stream/shuffle.ts';
import { type FileOpener, FilesNode, GeneratorNode } from '../stream/sources.ts';
import {
  BlockNode,
  filterStep,
  mapStep,
  type Predicate,
  removeStep,
  renameStep,
  selectStep,
  type Transform,
} from '../stream/transforms.ts';
import { writeJsonl, writeParquet } from '../writers/write.ts';

/** Splits by name. */
export type IterableDatasetDict = {
  train: IterableDataset;
  validation?: IterableDataset;
  dev?: IterableDataset;
  test?: IterableDataset;
} & { [split: string]: IterableDataset | undefined };

/** Where a pass over a dataset is: plain JSON, for `resume`. */
export interface DatasetState {
  /** The steps it belongs to. */
  steps: string;
  epoch: number;
  at: State;
}

/** A lazy, immutable pipeline; every method but setEpoch gives a new one. */
export class IterableDataset implements AsyncIterable<Row> {
  readonly #node: Node;
  readonly #skipped: BadRecords | undefined;
  #epoch = 0;
  #start: DatasetState | undefined;
  #last: RowStream | undefined;

  private constructor(node: Node, skipped: BadRecords | undefined) {
    this.#node = node;
    this.#skipped = skipped;
  }

  static fromNode(node: Node, skipped?: BadRecords): IterableDataset {
    return new IterableDataset(node, skipped);
  }

  /** The rows of files, one file after another. */
  static fromFiles(
    files: readonly (string | FileOpener)[],
    options: Omit<ReadOptions, 'bad'> & { onBadRecord?: OnBadRecord | undefined } = {},
  ): IterableDataset {
    const FILE = { name: 'a path or what opens a file', is: (value: unknown) => NAME.is(value) || CALLBACK.is(value) };
    requireList(files, FILE, 'files');
    requireOptions(options, { ...READ_OPTIONS, onBadRecord: oneOf(...ON_BAD_RECORD) }, 'fromFiles');
    const { onBadRecord = 'error', ...reading } = options;
    const openers = files.map((file) => (typeof file === 'string' ? () => new LocalFile(file) : file));
    const bad = new BadRecords(onBadRecord);
    return new IterableDataset(new FilesNode(openers, { ...reading, bad }), bad);
  }

  /** @param make Gives the same rows each time it is called. */
  static fromGenerator(make: () => Iterable<Row> | AsyncIterable<Row>): IterableDataset {
    requireKind(make, CALLBACK, 'fromGenerator');
    return new IterableDataset(new GeneratorNode(make), undefined);
  }

  /** How many parts can be read one without the other: files, mostly. */
  get numShards(): number {
    return this.#node.shards;
  }

  /** The records left out so far with onBadRecord: 'skip'. */
  get skipped(): BadRecords | undefined {
    return this.#skipped;
  }

  /** The steps, for those that build on them. */
  get node(): Node {
    return this.#node;
  }

  /** A new pass, from the start or from where `resume` said. */
  [Symbol.asyncIterator](): RowStream {
    const epoch = this.#epoch;
    const node = epoch > 0 ? epochNode(this.#node, epoch) : this.#node;
    const start = this.#start?.epoch === epoch ? this.#start.at : undefined;
    this.#last = new RowStream(node, describe(this.#node), epoch, start);
    return this.#last;
  }

  /** Where the latest pass is: its next row is the first that was not given. */
  state(): DatasetState {
    return (this.#last ?? this[Symbol.asyncIterator]()).state();
  }

  /**
   * The same dataset, whose next passes begin at a state: nothing twice, nothing left out.
   *
   * @throws DataError where the state is of other steps.
   */
  resume(state: DatasetState): IterableDataset {
    requireKind(state, OBJECT, 'resume', 'give what state() gave');
    const steps = describe(this.#node);
    if (state.steps !== steps) {
      throw new DataError(
        `the state is of ${state.steps}, the dataset is ${steps}`,
        'resume',
        'build the dataset as it was when the state was taken',
      );
    }
    const dataset = new IterableDataset(this.#node, this.#skipped);
    dataset.#epoch = state.epoch;
    dataset.#start = state;
    return dataset;
  }

  /** Makes the passes to come shuffle otherwise: `set_epoch` of `datasets`. */
  setEpoch(epoch: number): void {
    requireKind(epoch, INDEX, 'setEpoch');
    this.#epoch = epoch;
  }

  /** What the function gives is put over each row: columns it does not name stay, unless they are to be removed. */
  map(transform: Transform, { removeColumns = [] }: { removeColumns?: readonly string[] } = {}): IterableDataset {
    requireKind(transform, CALLBACK, 'map');
    requireList(removeColumns, TEXT, 'removeColumns');
    return this.#then(new BlockNode(this.#node, mapStep(transform, removeColumns)));
  }

  filter(keep: Predicate): IterableDataset {
    requireKind(keep, CALLBACK, 'filter');
    return this.#then(new BlockNode(this.#node, filterStep(keep)));
  }

  renameColumn(from: string, to: string): IterableDataset {
    return this.renameColumns({ [from]: to });
  }

  renameColumns(names: Readonly<Record<string, string>>): IterableDataset {
    requireKind(names, OBJECT, 'renameColumns');
    requireList(Object.values(names), NAME, 'renameColumns');
    return this.#then(new BlockNode(this.#node, renameStep(new Map(Object.entries(names)))));
  }

  selectColumns(columns: readonly string[]): IterableDataset {
    requireList(columns, TEXT, 'selectColumns');
    return this.#then(new BlockNode(this.#node, selectStep(columns)));
  }

  removeColumns(columns: readonly string[]): IterableDataset {
    requireList(columns, TEXT, 'removeColumns');
    return this.#then(new BlockNode(this.#node, removeStep(columns)));
  }

  take(count: number): IterableDataset {
    return this.#then(new RangeNode(this.#node, 0, wholeNumber(count, 'take')));
  }

  skip(count: number): IterableDataset {
    return wholeNumber(count, 'skip') === 0
      ? this
      : this.#then(new RangeNode(this.#node, count, Number.POSITIVE_INFINITY));
  }

  repeat(times: number): IterableDataset {
    return this.#then(new RepeatNode(this.#node, wholeNumber(times, 'repeat')));
  }

  /** Shuffles the files and, through a buffer, the rows: the order `datasets` 5.2 gives for the seed. */
  shuffle(options: ShuffleOptions): IterableDataset {
    requireOptions(options, { seed: SEED, bufferSize: COUNT, maxBufferInputShards: COUNT }, 'shuffle');
    requireKind(options.seed, SEED, 'seed');
    return this.#then(shuffleNode(this.#node, options));
  }

  /** The files of one of `count` parts. */
  shard(options: { count: number; index: number; contiguous?: boolean }): IterableDataset {
    requireOptions(options, { count: COUNT, index: INDEX, contiguous: FLAG }, 'shard');
    const { count, index, contiguous = true } = options;
    if (!(Number.isSafeInteger(count) && Number.isSafeInteger(index) && index >= 0 && index < count)) {
      throw new DataError(`no shard ${index} of ${count}`, 'shard', 'count shards from 0');
    }
    if (count > this.numShards) {
      throw new DataError(
        `${count} parts of ${this.numShards} shards`,
        'shard',
        'use splitByNode, which divides rows where there are fewer files than parts',
      );
    }
    return this.#then(this.#node.shard(count, index, contiguous));
  }

  /** The rows of one machine: its files where all machines get as many, else every worldSize-th row. */
  splitByNode(options: { rank: number; worldSize: number }): IterableDataset {
    requireOptions(options, { rank: INDEX, worldSize: COUNT }, 'splitByNode');
    const { rank, worldSize } = options;
    if (!(Number.isSafeInteger(worldSize) && Number.isSafeInteger(rank) && rank >= 0 && rank < worldSize)) {
      throw new DataError(`no rank ${rank} of ${worldSize}`, 'splitByNode', 'count ranks from 0');
    }
    const byFile = this.numShards % worldSize === 0;
    return this.#then(byFile ? this.#node.shard(worldSize, rank, false) : new StepNode(this.#node, worldSize, rank));
  }

  /** Writes a row a line, in gzip where the name ends in .gz. */
  toJsonl(path: string): Promise<void> {
    return writeJsonl(path, this);
  }

  toParquet(path: string): Promise<void> {
    return writeParquet(path, this);
  }

  #then(node: Node): IterableDataset {
    const dataset = new IterableDataset(node, this.#skipped);
    dataset.#epoch = this.#epoch;
    return dataset;
  }
}

/** `datasets` shuffles the files by the epoch, then moves every generator by it. */
function epochNode(node: Node, epoch: number): Node {
  return (node.shuffleShards(new Pcg64(epoch)) ?? node).reseed(epoch);
}

function wholeNumber(value: number, where: string): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new DataError(`${value} is no number of rows`, where, 'give a whole number from 0 on');
}

/** A pass over a dataset. */
export class RowStream implements AsyncIterableIterator<Row> {
  readonly #reader: RowReader;
  readonly #steps: string;
  readonly #epoch: number;

  constructor(node: Node, steps: string, epoch: number, start: State | undefined) {
    this.#reader = new RowReader(node, start);
    this.#steps = steps;
    this.#epoch = epoch;
  }

  [Symbol.asyncIterator](): RowStream {
    return this;
  }

  next(): Promise<IteratorResult<Row, undefined>> {
    const row = this.#reader.taken();
    return row ? Promise.resolve({ value: row, done: false }) : this.#fill();
  }

  async #fill(): Promise<IteratorResult<Row, undefined>> {
    const value = (await this.#reader.fill()) ? this.#reader.taken() : undefined;
    if (value) return { value, done: false };
    await this.#reader.close();
    return { value: undefined, done: true };
  }

  /** The rows up to a number, at once: fewer only at the end. */
  take(count: number): Promise<Row[]> {
    return this.#reader.take(count);
  }

  /** The next row this pass will give. */
  state(): DatasetState {
    return { steps: this.#steps, epoch: this.#epoch, at: this.#reader.mark()() };
  }

  async return(): Promise<IteratorResult<Row, undefined>> {
    await this.#reader.close();
    return { value: undefined, done: true };
  }
}
