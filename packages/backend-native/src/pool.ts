/** Memory of tensors: blocks of a few sizes, taken again when a tensor is disposed of. */

import type { Binding } from './binding.ts';

const SMALLEST = 256; // bytes

export class Pool {
  readonly #free = new Map<number, ArrayBuffer[]>();
  readonly #allocate: Binding['allocate'];
  #bytes = 0;

  constructor(allocate: Binding['allocate']) {
    this.#allocate = allocate;
  }

  /** Bytes of the blocks that wait for a tensor. */
  get idleBytes(): number {
    return this.#bytes;
  }

  /** A block of at least `bytes`, contents undefined. @throws Error with code ERR_OUT_OF_MEMORY and the bytes asked. */
  take(bytes: number): ArrayBuffer {
    const size = sizeClass(bytes);
    const block = this.#free.get(size)?.pop();
    if (block) {
      this.#bytes -= size;
      return block;
    }
    try {
      return this.#allocate(size);
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_OUT_OF_MEMORY' || this.#bytes === 0) throw error;
      this.clear(); // idle blocks of other sizes may make the room
      return this.#allocate(size);
    }
  }

  /** Only for blocks that nothing else holds: whoever still reads one would see another tensor. */
  give(block: ArrayBuffer): void {
    const blocks = this.#free.get(block.byteLength);
    if (blocks) blocks.push(block);
    else this.#free.set(block.byteLength, [block]);
    this.#bytes += block.byteLength;
  }

  clear(): void {
    this.#free.clear();
    this.#bytes = 0;
  }
}

/** Four sizes a doubling: at most a fifth of a block is unused. */
function sizeClass(bytes: number): number {
  if (bytes <= SMALLEST) return SMALLEST;
  const quarter = 2 ** (Math.floor(Math.log2(bytes - 1)) - 2);
  return Math.ceil(bytes / quarter) * quarter;
}
