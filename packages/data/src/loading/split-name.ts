/** The split names of `datasets`: `train`, `train[:100]`, `train[10%:20%]`, `train+validation`. */

import { DataError } from '../errors.ts';

/** A split, or rows of it. */
export interface SplitPart {
  split: string;
  /** As written, before or after the colon; undefined for the split's own edge. */
  from: SplitEdge | undefined;
  to: SplitEdge | undefined;
}

interface SplitEdge {
  value: number;
  percent: boolean;
}

/** @throws DataError for what is no split name. */
export function parseSplit(text: string): SplitPart[] {
  return text.split('+').map((part) => {
    const match = /^\s*([^[\]]+?)\s*(?:\[(-?\d+%?)?:(-?\d+%?)?\])?\s*$/.exec(part);
    if (!match)
      throw new DataError(
        `'${text}' is no split`,
        'split',
        "write it as 'train', 'train[:100]' or 'train[10%:20%]+test'",
      );
    return { split: match[1] as string, from: edgeOf(match[2]), to: edgeOf(match[3]) };
  });
}

function edgeOf(text: string | undefined): SplitEdge | undefined {
  return text === undefined ? undefined : { value: Number.parseInt(text, 10), percent: text.endsWith('%') };
}

/** The numbers of the first row and of the row after the last; percents are rounded, negative edges count from the end. */
export function splitRange({ from, to }: SplitPart, rows: number): [start: number, end: number] {
  const at = (edge: SplitEdge | undefined, otherwise: number) => {
    if (!edge) return otherwise;
    const row = edge.percent ? Math.round((edge.value / 100) * rows) : edge.value;
    return Math.min(rows, Math.max(0, row < 0 ? rows + row : row));
  };
  return [at(from, 0), at(to, rows)];
}
