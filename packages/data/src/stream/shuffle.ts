/** The buffered shuffle of `datasets` 5.2: fill a buffer, give out a random half of it, go on. */

import { Pcg64, type RandomState } from '../random.ts';
import type { Row } from '../records/records.ts';
import { type Cursor, type Node, packRows, RowReader, type State, StepOver, unpackRows } from './node.ts';

/** Several shards at once fill the buffer, this many at most, so that neighbours in a file part. */
const INPUT_SHARDS = 10;

export interface ShuffleOptions {
  seed: number;
  /** Rows in memory. */
  bufferSize?: number;
  /** How many files are read at once. */
  maxBufferInputShards?: number;
}

/** The shards in another order, read several at a time through a buffer: IterableDataset.shuffle of `datasets`. */
export function shuffleNode(source: Node, options: ShuffleOptions): Node {
  const { seed, bufferSize = 1000, maxBufferInputShards = INPUT_SHARDS } = options;
  const random = new Pcg64(seed);
  const shuffled = source.shuffleShards(random);
  return new ShuffleNode(shuffled ?? source, {
    random,
    bufferSize,
    inputShards: shuffled ? maxBufferInputShards : 1, // take and skip keep the order of files
  });
}

interface ShuffleSettings {
  random: Pcg64;
  bufferSize: number;
  inputShards: number;
}

class ShuffleNode extends StepOver {
  readonly #settings: ShuffleSettings;

  constructor(source: Node, settings: ShuffleSettings) {
    super(`shuffle ${settings.bufferSize}`, source);
    this.#settings = settings;
  }

  over(source: Node): Node {
    return new ShuffleNode(source, this.#settings);
  }

  override reseed(epoch: number): Node {
    const random = new Pcg64(this.#settings.random.clone().integer63() - BigInt(epoch));
    return new ShuffleNode(this.source.reseed(epoch), { ...this.#settings, random });
  }

  open(state?: State): Cursor {
    return new ShuffleCursor(this.source, this.#settings, state);
  }
}

class ShuffleCursor implements Cursor {
  readonly #readers: RowReader[];
  readonly #bufferSize: number;
  /** Rows a reader gives before the next reader's turn. */
  readonly #unit: number;
  readonly #random: Pcg64;
  #turn: number;
  #ended: readonly boolean[];
  /** Never changed, only replaced: marks refer to it. */
  #buffer: readonly Row[];

  constructor(source: Node, { random, bufferSize, inputShards }: ShuffleSettings, state?: State) {
    const shards = Math.min(source.shards, inputShards);
    const parts = shards > 1 ? Array.from({ length: shards }, (_, i) => source.shard(shards, i, true)) : [source];
    const marks = state?.readers as State[] | undefined;
    this.#readers = parts.map((part, i) => new RowReader(part, marks?.[i]));
    this.#bufferSize = bufferSize;
    this.#unit = source.tables ? Math.max(1, Math.floor(bufferSize / Math.max(1, inputShards))) : 1;
    this.#random = state ? Pcg64.fromState(state.random as RandomState) : random.clone();
    this.#turn = (state?.turn as number | undefined) ?? 0;
    this.#ended = (state?.ended as boolean[] | undefined) ?? parts.map(() => false);
    this.#buffer = state ? unpackRows(state.buffer as string) : [];
  }

  async read(): Promise<Row[] | undefined> {
    const buffer = [...this.#buffer];
    while (buffer.length < this.#bufferSize) {
      const rows = await this.#next();
      if (!rows) break;
      for (const row of rows) buffer.push(row);
    }
    if (buffer.length === 0) return undefined;
    const full = buffer.length >= this.#bufferSize;
    const kept = full ? Math.floor(this.#bufferSize / 2) : 0;
    const order = this.#random.permutation(buffer.length);
    const rows = Array.from(order, (index) => buffer[index] as Row);
    this.#buffer = rows.slice(rows.length - kept);
    return rows.slice(0, rows.length - kept);
  }

  /** The rows of the reader whose turn it is; of the next if it has none left. */
  async #next(): Promise<Row[] | undefined> {
    while (this.#ended.includes(false)) {
      const turn = this.#turn;
      this.#turn = (turn + 1) % this.#readers.length;
      if (this.#ended[turn]) continue;
      const rows = await (this.#readers[turn] as RowReader).take(this.#unit);
      if (rows.length > 0) return rows;
      this.#ended = this.#ended.map((ended, i) => ended || i === turn);
    }
    return undefined;
  }

  mark() {
    const readers = this.#readers.map((reader) => reader.mark());
    const random = this.#random.clone();
    const { turn, ended, buffer } = { turn: this.#turn, ended: this.#ended, buffer: this.#buffer };
    return () => ({
      readers: readers.map((reader) => reader()),
      random: random.state(),
      turn,
      ended,
      buffer: packRows(buffer),
    });
  }

  async close(): Promise<void> {
    for (const reader of this.#readers) await reader.close();
  }
}
