/** A queue that gives the least first, by a number that never changes. */

interface Entry<T> {
  key: number;
  value: T;
}

/** A binary heap: entry i is not above entries 2i + 1 and 2i + 2. */
export class Heap<T> {
  #entries: Entry<T>[] = [];

  get size(): number {
    return this.#entries.length;
  }

  /** The least key; Infinity where there is none. */
  get leastKey(): number {
    return this.#entries[0]?.key ?? Number.POSITIVE_INFINITY;
  }

  peek(): T | undefined {
    return this.#entries[0]?.value;
  }

  push(key: number, value: T): void {
    const entries = this.#entries;
    let at = entries.push({ key, value }) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((entries[parent] as Entry<T>).key <= key) break;
      entries[at] = entries[parent] as Entry<T>;
      at = parent;
    }
    entries[at] = { key, value };
  }

  pop(): T | undefined {
    const entries = this.#entries;
    const [least] = entries;
    const last = entries.pop();
    if (!least || !last || entries.length === 0) return least?.value;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= entries.length) break;
      if (child + 1 < entries.length && (entries[child + 1] as Entry<T>).key < (entries[child] as Entry<T>).key)
        child++;
      if ((entries[child] as Entry<T>).key >= last.key) break;
      entries[at] = entries[child] as Entry<T>;
      at = child;
    }
    entries[at] = last;
    return least.value;
  }

  /** Leaves out what `keep` says no to. */
  filter(keep: (value: T) => boolean): void {
    // Sorted entries are a heap.
    this.#entries = this.#entries.filter(({ value }) => keep(value)).sort((a, b) => a.key - b.key);
  }
}
