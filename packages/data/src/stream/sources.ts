/** Where rows come from: files, generators, rows at hand. */

import { ITERABLE, ROW, requireKind } from '../arguments.ts';
import type { ByteSource } from '../bytes.ts';
import { DataError } from '../errors.ts';
import type { Pcg64 } from '../random.ts';
import { readBlocks } from '../readers/formats.ts';
import type { Block, Position, ReadOptions } from '../readers/reader.ts';
import type { Row } from '../records/records.ts';
import { type Cursor, type Mark, type Node, partRange, type State, shardIndices } from './node.ts';

/** Opens a file anew for every pass over it. */
export type FileOpener = () => ByteSource;

/** Rows of files, in order; a file is a shard. */
export class FilesNode implements Node {
  readonly name = 'files';
  readonly sources = [];
  readonly tables = true;
  readonly #files: readonly FileOpener[];
  readonly #options: ReadOptions;

  constructor(files: readonly FileOpener[], options: ReadOptions) {
    this.#files = files;
    this.#options = options;
  }

  get shards(): number {
    return this.#files.length;
  }

  open(state: State = { shard: 0 }): Cursor {
    return new FilesCursor(this.#files, this.#options, state);
  }

  shuffleShards(random: Pcg64): Node {
    return new FilesNode(random.clone().shuffled(this.#files), this.#options);
  }

  shard(count: number, index: number, contiguous: boolean): Node {
    const chosen = shardIndices(this.shards, count, index, contiguous).map((i) => this.#files[i] as FileOpener);
    return new FilesNode(chosen, this.#options);
  }

  reseed(): Node {
    return this;
  }
}

class FilesCursor implements Cursor {
  readonly #files: readonly FileOpener[];
  readonly #options: ReadOptions;
  #shard: number;
  #position: Position | undefined;
  #blocks: AsyncGenerator<Block> | undefined;
  #file: ByteSource | undefined;

  constructor(files: readonly FileOpener[], options: ReadOptions, { shard, position }: State) {
    this.#files = files;
    this.#options = options;
    this.#shard = shard as number;
    this.#position = (position as Position | null | undefined) ?? undefined;
  }

  async read(): Promise<Row[] | undefined> {
    for (;;) {
      const open = this.#files[this.#shard];
      if (!open) return undefined;
      if (!this.#blocks) {
        this.#file = open();
        this.#blocks = readBlocks(this.#file, this.#options, this.#position);
      }
      const { value, done } = await this.#blocks.next();
      if (done) {
        await this.close();
        this.#shard += 1;
        this.#position = undefined;
        this.#options.bad?.warn();
        continue;
      }
      this.#position = value.next;
      if (value.rows.length > 0) return value.rows;
    }
  }

  mark(): Mark {
    const state = { shard: this.#shard, position: this.#position ?? null };
    return () => state;
  }

  async close(): Promise<void> {
    await this.#blocks?.return(undefined);
    await this.#file?.close?.();
    this.#blocks = undefined;
    this.#file = undefined;
  }
}

/** Rows a function makes; read from the start and counted to go on. */
export class GeneratorNode implements Node {
  readonly name = 'generator';
  readonly sources = [];
  readonly tables = false;
  readonly shards: number;
  readonly #make: (() => Iterable<Row> | AsyncIterable<Row>) | undefined;

  /** @param make Gives the same rows each time it is called; left out for no rows. */
  constructor(make: (() => Iterable<Row> | AsyncIterable<Row>) | undefined) {
    this.#make = make;
    this.shards = make ? 1 : 0;
  }

  open(state: State = { count: 0 }): Cursor {
    const skip = state.count as number;
    const made = this.#make ? this.#make() : [];
    requireKind(made, ITERABLE, 'what the generator gives');
    const rows = generated(made);
    let count = 0;
    return {
      async read() {
        for (; count < skip; count++) if ((await rows.next()).done) return undefined;
        const { value, done } = await rows.next();
        if (done) return undefined;
        requireKind(value, ROW, `rows[${count}]`);
        count += 1;
        return [value];
      },
      mark() {
        const at = { count: Math.max(skip, count) };
        return () => at;
      },
      async close() {
        await rows.return(undefined);
      },
    };
  }

  shuffleShards(): Node {
    return this;
  }

  shard(count: number, index: number, contiguous: boolean): Node {
    return shardIndices(this.shards, count, index, contiguous).length > 0 ? this : new GeneratorNode(undefined);
  }

  reseed(): Node {
    return this;
  }
}

async function* generated(rows: Iterable<Row> | AsyncIterable<Row>): AsyncGenerator<Row> {
  yield* rows;
}

/** What a Dataset is to a stream: rows by number. */
export interface RowsAt {
  readonly length: number;
  slice(start: number, end: number): Row[];
}

/** Rows at hand, in as many shards of neighbouring rows as asked. */
export class RowsNode implements Node {
  readonly name = 'rows';
  readonly sources = [];
  readonly tables = true;
  readonly #rows: RowsAt;
  /** Start and end of each shard. */
  readonly #ranges: readonly (readonly [number, number])[];

  constructor(rows: RowsAt, ranges: readonly (readonly [number, number])[]) {
    this.#rows = rows;
    this.#ranges = ranges;
  }

  static of(rows: RowsAt, shards: number): RowsNode {
    if (shards > Math.max(1, rows.length)) {
      throw new DataError(`${shards} shards of ${rows.length} rows`, 'numShards', 'give at most one a row');
    }
    const ranges = Array.from({ length: shards }, (_, i) => partRange(rows.length, shards, i));
    return new RowsNode(rows, ranges);
  }

  get shards(): number {
    return this.#ranges.length;
  }

  open(state: State = { shard: 0, row: 0 }): Cursor {
    const rows = this.#rows;
    const ranges = this.#ranges;
    let shard = state.shard as number;
    let done = state.row as number;
    return {
      async read() {
        for (let range = ranges[shard]; range; range = ranges[++shard]) {
          const start = range[0] + done;
          const end = Math.min(range[1], start + BLOCK);
          if (start < end) {
            done += end - start;
            return rows.slice(start, end);
          }
          done = 0;
        }
        return undefined;
      },
      mark() {
        const at = { shard, row: done };
        return () => at;
      },
      async close() {},
    };
  }

  shuffleShards(random: Pcg64): Node {
    return new RowsNode(this.#rows, random.clone().shuffled(this.#ranges));
  }

  shard(count: number, index: number, contiguous: boolean): Node {
    const chosen = shardIndices(this.shards, count, index, contiguous);
    return new RowsNode(
      this.#rows,
      chosen.map((i) => this.#ranges[i] as readonly [number, number]),
    );
  }

  reseed(): Node {
    return this;
  }
}

/** Rows a read of rows at hand gives. */
const BLOCK = 256;
