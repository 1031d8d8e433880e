/** Groups of rows in order. */

/** Groups of `batchSize`; the last one may be smaller unless dropLast. */
export async function* batches<T>(
  source: Iterable<T> | AsyncIterable<T>,
  { batchSize, dropLast = false }: { batchSize: number; dropLast?: boolean },
): AsyncGenerator<T[]> {
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
