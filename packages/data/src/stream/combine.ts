/** Several pipelines as one: one after another, in turn, or by chance. */

import { Pcg64, type RandomState } from '../random.ts';
import type { Row } from '../records/records.ts';
import { type Cursor, type Node, RowReader, type State, shardIndices } from './node.ts';

/** One after another. */
export class ConcatNode implements Node {
  readonly name = 'concatenate';
  readonly sources: readonly Node[];

  constructor(sources: readonly Node[]) {
    this.sources = sources;
  }

  get tables(): boolean {
    return this.sources.every(({ tables }) => tables);
  }

  get shards(): number {
    return this.sources.reduce((sum, { shards }) => sum + shards, 0);
  }

  open(state: State = { index: 0 }): Cursor {
    const { sources } = this;
    let index = state.index as number;
    let cursor = sources[index]?.open(state.source as State | undefined);
    return {
      async read() {
        for (; cursor; cursor = sources[++index]?.open()) {
          const rows = await cursor.read();
          if (rows) return rows;
          await cursor.close();
        }
        return undefined;
      },
      mark() {
        const at = index;
        const mark = cursor?.mark();
        return () => (mark ? { index: at, source: mark() } : { index: at });
      },
      async close() {
        await cursor?.close();
      },
    };
  }

  shuffleShards(random: Pcg64): Node {
    return new ConcatNode(random.clone().shuffled(this.#singleShards()));
  }

  shard(count: number, index: number, contiguous: boolean): Node {
    const singles = this.#singleShards();
    return new ConcatNode(shardIndices(singles.length, count, index, contiguous).map((i) => singles[i] as Node));
  }

  reseed(epoch: number): Node {
    return new ConcatNode(this.sources.map((source) => source.reseed(epoch)));
  }

  #singleShards(): Node[] {
    return this.sources.flatMap((source) =>
      Array.from({ length: source.shards }, (_, i) => source.shard(source.shards, i, true)),
    );
  }
}

export const STOPPING_STRATEGIES = ['first_exhausted', 'all_exhausted', 'all_exhausted_without_replacement'] as const;

/**
 * When interleaving ends. first_exhausted: with the first source that has no row left. all_exhausted: when every row
 * was given at least once, shorter sources beginning anew. …_without_replacement: when every row was given once.
 */
export type StoppingStrategy = (typeof STOPPING_STRATEGIES)[number];

/** How the next source is picked: in turn, or by chance. */
export interface Choice {
  random: Pcg64;
  probabilities: readonly number[];
}

/** A row of one source, then of another. */
export class InterleaveNode implements Node {
  readonly name = 'interleave';
  readonly sources: readonly Node[];
  readonly #strategy: StoppingStrategy;
  readonly #choice: Choice | undefined;

  constructor(sources: readonly Node[], strategy: StoppingStrategy, choice?: Choice) {
    this.sources = sources;
    this.#strategy = strategy;
    this.#choice = choice;
  }

  get tables(): boolean {
    return this.sources.every(({ tables }) => tables);
  }

  /** Only as many as every source has: each part must hold something of each. */
  get shards(): number {
    return Math.min(...this.sources.map(({ shards }) => shards));
  }

  open(state?: State): Cursor {
    return new InterleaveCursor(this.sources, this.#strategy, this.#choice, state);
  }

  shuffleShards(random: Pcg64): Node | undefined {
    const sources = this.sources.map((source) => source.shuffleShards(random));
    if (sources.some((source) => !source)) return undefined;
    return new InterleaveNode(
      sources as Node[],
      this.#strategy,
      this.#choice && { ...this.#choice, random: random.clone() },
    );
  }

  shard(count: number, index: number, contiguous: boolean): Node {
    const parts = Math.min(count, this.shards);
    if (index >= parts) return new ConcatNode([]);
    const sources = this.sources.map((source) => source.shard(parts, index, contiguous));
    return new InterleaveNode(sources, this.#strategy, this.#choice);
  }

  reseed(epoch: number): Node {
    const sources = this.sources.map((source) => source.reseed(epoch));
    if (!this.#choice) return new InterleaveNode(sources, this.#strategy);
    const random = new Pcg64(this.#choice.random.clone().integer63() - BigInt(epoch));
    return new InterleaveNode(sources, this.#strategy, { ...this.#choice, random });
  }
}

/** Rows a read gives. */
const BLOCK = 256;

class InterleaveCursor implements Cursor {
  readonly #sources: readonly Node[];
  readonly #strategy: StoppingStrategy;
  readonly #probabilities: readonly number[] | undefined;
  readonly #random: Pcg64 | undefined;
  readonly #readers: RowReader[];
  #turn: number;
  #exhausted: readonly boolean[];

  constructor(sources: readonly Node[], strategy: StoppingStrategy, choice: Choice | undefined, state?: State) {
    const marks = state?.readers as State[] | undefined;
    this.#sources = sources;
    this.#strategy = strategy;
    this.#probabilities = choice?.probabilities;
    this.#random = state?.random ? Pcg64.fromState(state.random as RandomState) : choice?.random.clone();
    this.#readers = sources.map((source, i) => new RowReader(source, marks?.[i]));
    this.#turn = (state?.turn as number | undefined) ?? 0;
    this.#exhausted = (state?.exhausted as boolean[] | undefined) ?? sources.map(() => false);
  }

  async read(): Promise<Row[] | undefined> {
    const rows: Row[] = [];
    while (rows.length < BLOCK && !this.#ended()) {
      const index = this.#pick();
      if (this.#exhausted[index] && this.#strategy === 'all_exhausted_without_replacement') continue;
      const reader = this.#readers[index] as RowReader;
      const row = reader.taken() ?? ((await reader.fill()) ? reader.taken() : undefined);
      if (row) rows.push(row);
      if (!(await reader.fill())) await this.#exhaust(index);
    }
    return rows.length > 0 ? rows : undefined;
  }

  #ended(): boolean {
    return this.#strategy === 'first_exhausted' ? this.#exhausted.includes(true) : !this.#exhausted.includes(false);
  }

  #pick(): number {
    if (this.#random && this.#probabilities) return this.#random.choice(this.#probabilities);
    const turn = this.#turn;
    this.#turn = (turn + 1) % this.#sources.length;
    return turn;
  }

  async #exhaust(index: number): Promise<void> {
    this.#exhausted = this.#exhausted.map((done, i) => done || i === index);
    if (this.#strategy === 'all_exhausted_without_replacement') return;
    await this.#readers[index]?.close();
    this.#readers[index] = new RowReader(this.#sources[index] as Node);
  }

  mark() {
    const readers = this.#readers.map((reader) => reader.mark());
    const random = this.#random?.clone();
    const { turn, exhausted } = { turn: this.#turn, exhausted: this.#exhausted };
    return () => ({
      readers: readers.map((reader) => reader()),
      ...(random ? { random: random.state() } : {}),
      turn,
      exhausted,
    });
  }

  async close(): Promise<void> {
    for (const reader of this.#readers) await reader.close();
  }
}
