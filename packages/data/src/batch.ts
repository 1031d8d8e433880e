/** Groups of rows in order. */

import { DataError } from './errors.ts';

/**
 * Groups of `batchSize`; the last one may be smaller unless dropLast.
 *
 * @throws DataError for a batchSize that is not a whole number from 1 on.
 */
export async function* batches<T>(
  source: Iterable<T> | AsyncIterable<T>,
  { batchSize, dropLast = false }: { batchSize: number; dropLast?: boolean },
): AsyncGenerator<T[]> {
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw new DataError(`batchSize is ${batchSize}`, 'batchSize', 'give a whole number from 1 on');
  }
  let group: T[] = [];
  for await (const item of source) {
    group.push(item);
    if (group.length === batchSize) {
      yield group;
      group = [];
    }
  }
  if (group.length > 0 && !dropLast) yield group;
}
