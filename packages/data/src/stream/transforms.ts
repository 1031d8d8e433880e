/** Steps that change or leave out rows, one after another. */

import { ROW, requireKind } from '../arguments.ts';
import { DataError } from '../errors.ts';
import { keepSource, sourceOf } from '../records/provenance.ts';
import type { Row } from '../records/records.ts';
import { type Cursor, type Node, type State, StepOver } from './node.ts';

/** What a step does to each block it reads. `index` counts rows read, from 0. */
interface BlockStep {
  name: string;
  tables: boolean;
  /** An empty result goes on to the next block. */
  apply(rows: Row[], index: number): Row[] | Promise<Row[]>;
  /** Called when there is no block left. */
  end?(): void;
}

/** A step that looks at rows one by one and may leave some out. */
export class BlockNode extends StepOver {
  readonly #step: BlockStep;

  constructor(source: Node, step: BlockStep) {
    super(step.name, source);
    this.#step = step;
  }

  override get tables(): boolean {
    return this.#step.tables && this.source.tables;
  }

  over(source: Node): Node {
    return new BlockNode(source, this.#step);
  }

  open(state: State = { index: 0 }): Cursor {
    const cursor = this.source.open(state.source as State | undefined);
    const step = this.#step;
    let index = state.index as number;
    return {
      async read() {
        for (;;) {
          const block = await cursor.read();
          if (!block) {
            step.end?.();
            return undefined;
          }
          const rows = await step.apply(block, index);
          index += block.length;
          if (rows.length > 0) return rows;
        }
      },
      mark() {
        const source = cursor.mark();
        const at = index;
        return () => ({ source: source(), index: at });
      },
      close: () => cursor.close(),
    };
  }
}

export type Transform = (row: Row, index: number) => Row | Promise<Row>;
export type Predicate = (row: Row, index: number) => boolean | Promise<boolean>;

/** The row with what the transform gives put over it: columns it does not name stay. */
export function merged(row: Row, given: Row, remove: readonly string[]): Row {
  const kept = { ...row };
  for (const column of remove) delete kept[column];
  return keepSource(Object.assign(kept, given), row);
}

export function mapStep(transform: Transform, remove: readonly string[]): BlockStep {
  return {
    name: 'map',
    tables: false,
    async apply(rows, index) {
      const given: Row[] = [];
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i] as Row;
        const result = transform(row, index + i);
        const made = result instanceof Promise ? await result : result;
        requireKind(made, ROW, 'what map’s function gives');
        given.push(merged(row, made, remove));
      }
      return given;
    },
  };
}

export function filterStep(keep: Predicate): BlockStep {
  return {
    name: 'filter',
    tables: false,
    async apply(rows, index) {
      const kept: Row[] = [];
      for (let i = 0; i < rows.length; i++) {
        const result = keep(rows[i] as Row, index + i);
        if (result instanceof Promise ? await result : result) kept.push(rows[i] as Row);
      }
      return kept;
    },
  };
}

/** The row with those columns alone, in that order. */
export function selectStep(columns: readonly string[]): BlockStep {
  const select = (row: Row) => keepSource(Object.fromEntries(columns.map((name) => [name, columnOf(row, name)])), row);
  return { name: 'selectColumns', tables: true, apply: (rows) => rows.map(select) };
}

/** `datasets` removes and renames by a map, so the rows go on one by one. */
export function removeStep(columns: readonly string[]): BlockStep {
  const remove = (row: Row) => {
    const kept = { ...row };
    for (const name of columns) {
      columnOf(row, name);
      delete kept[name];
    }
    return keepSource(kept, row);
  };
  return { name: 'removeColumns', tables: false, apply: (rows) => rows.map(remove) };
}

export function renameStep(names: ReadonlyMap<string, string>): BlockStep {
  return { name: 'renameColumns', tables: false, apply: (rows) => rows.map((row) => renamed(row, names)) };
}

/** @throws DataError where the row lacks a column, or would have two of one name. */
export function renamed(row: Row, names: ReadonlyMap<string, string>): Row {
  for (const name of names.keys()) columnOf(row, name);
  const entries = Object.entries(row).map(([key, value]) => [names.get(key) ?? key, value] as const);
  const result = Object.fromEntries(entries);
  if (Object.keys(result).length < entries.length) {
    const columns = entries.map(([key]) => key).join(', ');
    throw new DataError(`two columns of one name: {${columns}}`, sourceOf(row), 'give names that are not taken');
  }
  return keepSource(result, row);
}

function columnOf(row: Row, name: string): unknown {
  if (Object.hasOwn(row, name)) return row[name];
  throw new DataError(`no column '${name}'`, sourceOf(row), `name one of {${Object.keys(row).join(', ')}}`);
}
