/** An order of texts in which every batch has several classes, and several texts of each. */

/**
 * Classes take turns with two texts each, the one whose next text comes first before the others, until fewer than two
 * classes have two: GROUP_BY_LABEL of sentence-transformers, by the order of the texts instead of a seed of its own.
 *
 * @param classes Of each text.
 * @returns Indices; a class's odd text, and what the largest class has more than the others, are not among them.
 */
export function classOrder(classes: readonly unknown[]): number[] {
  const waiting = new Map<unknown, number[]>();
  classes.forEach((own, i) => {
    const queue = waiting.get(own);
    if (queue) queue.push(i);
    else waiting.set(own, [i]);
  });
  const order: number[] = [];
  let queues = [...waiting.values()].map((indices) => ({ indices, at: 0 }));
  for (;;) {
    queues = queues.filter(({ indices, at }) => at + 2 <= indices.length);
    if (queues.length < 2) return order;
    queues.sort((a, b) => (a.indices[a.at] as number) - (b.indices[b.at] as number));
    for (const queue of queues) {
      order.push(...queue.indices.slice(queue.at, queue.at + 2));
      queue.at += 2;
    }
  }
}

/** The rows of a stream in such an order within windows of so many; what a window leaves waits for the next. */
export async function* inClassOrder<T>(
  rows: AsyncIterable<T>,
  classOf: (row: T) => unknown,
  window: number,
): AsyncGenerator<T> {
  let held: T[] = [];
  const take = () => {
    const order = classOrder(held.map(classOf));
    const taken = new Set(order);
    const given = order.map((index) => held[index] as T);
    const rest = held.filter((_, i) => !taken.has(i));
    held = rest.slice(-Math.floor(window / 2)); // one class alone must not fill the window
    return given;
  };
  for await (const row of rows) {
    held.push(row);
    if (held.length >= window) yield* take();
  }
  yield* take();
}
