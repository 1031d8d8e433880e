/** The inside of an IterableDataset: a tree of nodes that read rows in blocks and can say where they are. */

import { deserialize, serialize } from 'node:v8';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Pcg64 } from '../random.ts';
import { rememberSource, sourceOf } from '../records/provenance.ts';
import type { Row } from '../records/records.ts';

/** Where a node is: plain JSON. */
export type State = Readonly<Record<string, unknown>>;

/**
 * Remembers a place cheaply and writes it down only when asked: a mark is taken at every block, a state is wanted
 * once in a thousand. What it refers to must not change afterwards.
 */
export type Mark = () => State;

/** One pass over a node's rows. */
export interface Cursor {
  /** The next rows, at least one; undefined at the end. */
  read(): Promise<Row[] | undefined>;
  /** Where the next read begins. */
  mark(): Mark;
  close(): Promise<void>;
}

/** A step of a pipeline; never changed once made. */
export interface Node {
  /** What the step is, for the check that a state belongs to a pipeline. */
  readonly name: string;
  readonly sources: readonly Node[];
  /**
   * Whether Python's `datasets` passes this step on as Arrow tables, not row by row: its buffered shuffle reads ahead
   * by tables there, so the order of rows depends on it.
   */
  readonly tables: boolean;
  /** How many parts can be read one without the other: files, mostly. */
  readonly shards: number;
  open(state?: State): Cursor;
  /** The step with its files in another order; undefined where the order is part of its meaning. */
  shuffleShards(random: Pcg64): Node | undefined;
  /** The step over the shards of one part of `count`. */
  shard(count: number, index: number, contiguous: boolean): Node;
  /** The step with other random numbers, for an epoch. */
  reseed(epoch: number): Node;
}

/** A step over one source, whose files it leaves to the source. */
export abstract class StepOver implements Node {
  readonly name: string;
  protected readonly source: Node;

  constructor(name: string, source: Node) {
    this.name = name;
    this.source = source;
  }

  /** The same step over another source. */
  abstract over(source: Node): Node;
  abstract open(state?: State): Cursor;

  get sources(): readonly Node[] {
    return [this.source];
  }

  get tables(): boolean {
    return this.source.tables;
  }

  get shards(): number {
    return this.source.shards;
  }

  shuffleShards(random: Pcg64): Node | undefined {
    const source = this.source.shuffleShards(random);
    return source && this.over(source);
  }

  shard(count: number, index: number, contiguous: boolean): Node {
    return this.over(this.source.shard(count, index, contiguous));
  }

  reseed(epoch: number): Node {
    return this.over(this.source.reseed(epoch));
  }
}

/** The pipeline in words: `shuffle(files)`. */
export function describe(node: Node): string {
  return node.sources.length > 0 ? `${node.name}(${node.sources.map(describe).join(', ')})` : node.name;
}

/** Start and end of part `index` where `total` things are divided into `count` neighbouring parts, the first larger. */
export function partRange(total: number, count: number, index: number): [start: number, end: number] {
  const each = Math.floor(total / count);
  const more = total % count;
  const start = each * index + Math.min(index, more);
  return [start, start + each + (index < more ? 1 : 0)];
}

/** Which of `shards` shards a part takes: `datasets`' split_shard_indices_by_worker. */
export function shardIndices(shards: number, count: number, index: number, contiguous: boolean): number[] {
  const all = Array.from({ length: shards }, (_, i) => i);
  return contiguous ? all.slice(...partRange(shards, count, index)) : all.filter((i) => i % count === index);
}

/** Reads a node row by row or by the number. Its state is a block's and how many of its rows are taken. */
export class RowReader {
  readonly #cursor: Cursor;
  #block: readonly Row[] = [];
  #index = 0;
  #before: Mark;
  #skip: number;

  constructor(node: Node, state?: State) {
    this.#cursor = node.open(state?.at as State | undefined);
    this.#skip = (state?.skip as number | undefined) ?? 0;
    this.#before = this.#cursor.mark();
  }

  /** The next row of the block that is read; undefined where fill() is needed. */
  taken(): Row | undefined {
    return this.#block[this.#index++] ?? this.#back();
  }

  #back(): undefined {
    this.#index -= 1;
    return undefined;
  }

  /** Reads on until there is a row to take. @returns Whether there is one. */
  async fill(): Promise<boolean> {
    while (this.#index >= this.#block.length) {
      const before = this.#cursor.mark();
      const block = await this.#cursor.read();
      if (!block) return false;
      const dropped = Math.min(this.#skip, block.length);
      this.#skip -= dropped;
      this.#block = block;
      this.#index = dropped;
      this.#before = before;
    }
    return true;
  }

  /** Up to `count` rows; fewer only at the end. */
  async take(count: number): Promise<Row[]> {
    const rows: Row[] = [];
    while (rows.length < count && (await this.fill())) {
      const end = Math.min(this.#block.length, this.#index + count - rows.length);
      for (; this.#index < end; this.#index++) rows.push(this.#block[this.#index] as Row);
    }
    return rows;
  }

  /** What is left of the block, or the next block. */
  async block(): Promise<Row[] | undefined> {
    if (!(await this.fill())) return undefined;
    const rows = this.#block.slice(this.#index);
    this.#index = this.#block.length;
    return rows;
  }

  mark(): Mark {
    const before = this.#before;
    const skip = this.#block.length > 0 ? this.#index : this.#skip;
    return () => ({ at: before(), skip });
  }

  close(): Promise<void> {
    return this.#cursor.close();
  }
}

/** Rows in a state: what JSON cannot say (bigint, NaN, bytes, dates) survives, and where they were read. */
export function packRows(rows: readonly Row[]): string {
  return gzipSync(serialize(rows.map((row) => [row, sourceOf(row)]))).toString('base64');
}

export function unpackRows(packed: string): Row[] {
  const pairs: [Row, string | undefined][] = deserialize(gunzipSync(Buffer.from(packed, 'base64')));
  return pairs.map(([row, where]) => {
    if (where !== undefined) rememberSource(row, where);
    return row;
  });
}
