/** Steps that count rows: the first so many, those after them, every n-th, all of them several times. */

import type { Row } from '../records/records.ts';
import { type Cursor, type Node, partRange, RowReader, type State, StepOver } from './node.ts';
import { BlockNode } from './transforms.ts';

/** Rows a read gives. */
const BLOCK = 256;

/** The rows from `start` up to `end`, one of which is 0 or without end. */
export class RangeNode extends StepOver {
  readonly #start: number;
  readonly #end: number;

  constructor(source: Node, start: number, end: number) {
    super(start > 0 ? `skip ${start}` : `take ${end}`, source);
    this.#start = start;
    this.#end = end;
  }

  over(source: Node): Node {
    return new RangeNode(source, this.#start, this.#end);
  }

  open(state: State = { index: 0 }): Cursor {
    const reader = new RowReader(this.source, state.source as State | undefined);
    const start = this.#start;
    const end = this.#end;
    let index = state.index as number;
    return {
      async read() {
        while (index < start) {
          const rows = await reader.take(Math.min(BLOCK, start - index));
          if (rows.length === 0) return undefined;
          index += rows.length;
        }
        if (index >= end) return undefined;
        const rows = await reader.take(Math.min(BLOCK, end - index));
        index += rows.length;
        return rows.length > 0 ? rows : undefined;
      },
      mark() {
        const source = reader.mark();
        const at = index;
        return () => ({ source: source(), index: at });
      },
      close: () => reader.close(),
    };
  }

  /** Other files in front would mean other rows. */
  override shuffleShards(): undefined {
    return undefined;
  }

  /** The number of rows is divided among the parts that have shards. */
  override shard(count: number, index: number, contiguous: boolean): Node {
    const source = this.source.shard(count, index, contiguous);
    const parts = Math.min(count, this.shards);
    const share = (total: number) => {
      const [start, end] = index < parts ? partRange(total, parts, index) : [0, 0];
      return end - start;
    };
    return this.#start > 0
      ? new RangeNode(source, share(this.#start), this.#end)
      : new RangeNode(source, 0, share(this.#end));
  }
}

/** Every `count`-th row from `offset` on: a machine's rows where files cannot be divided. */
export class StepNode extends StepOver {
  readonly #count: number;
  readonly #offset: number;

  constructor(source: Node, count: number, offset: number) {
    super(`row ${offset} of ${count}`, source);
    this.#count = count;
    this.#offset = offset;
  }

  over(source: Node): Node {
    return new StepNode(source, this.#count, this.#offset);
  }

  open(state?: State): Cursor {
    const apply = (rows: Row[], index: number) => rows.filter((_, i) => (index + i) % this.#count === this.#offset);
    return new BlockNode(this.source, { name: this.name, tables: true, apply }).open(state);
  }
}

/** The rows so many times over. */
export class RepeatNode extends StepOver {
  readonly #times: number;

  constructor(source: Node, times: number) {
    super(`repeat ${times}`, source);
    this.#times = times;
  }

  over(source: Node): Node {
    return new RepeatNode(source, this.#times);
  }

  open(state: State = { round: 0 }): Cursor {
    const { source } = this;
    const times = this.#times;
    let round = state.round as number;
    let any = state.source !== undefined;
    let cursor = source.open(state.source as State | undefined);
    return {
      async read() {
        while (round < times) {
          const rows = await cursor.read();
          if (rows) {
            any = true;
            return rows;
          }
          await cursor.close();
          if (!any) return undefined; // nothing to repeat
          any = false;
          round += 1;
          cursor = source.open();
        }
        return undefined;
      },
      mark() {
        const at = round;
        const mark = cursor.mark();
        return () => ({ source: mark(), round: at });
      },
      close: () => cursor.close(),
    };
  }
}
