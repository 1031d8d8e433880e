/** Long work on the thread that also answers requests: a few milliseconds at a time. */

import { setImmediate } from 'node:timers/promises';

/** Milliseconds that others wait at most. */
const TURN = 5;

/**
 * `map` for work that would hold up every other request.
 *
 * @throws The signal's reason.
 */
export async function mapInTurns<T, R>(
  items: readonly T[],
  signal: AbortSignal,
  one: (item: T, index: number) => R,
): Promise<R[]> {
  const results: R[] = [];
  let start = performance.now();
  for (const [index, item] of items.entries()) {
    if (performance.now() - start > TURN) {
      await setImmediate();
      signal.throwIfAborted();
      start = performance.now();
    }
    results.push(one(item, index));
  }
  return results;
}
