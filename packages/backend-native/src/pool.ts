/** Memory of tensors: blocks of a few sizes, taken again when a tensor is disposed of. */

import type { Binding } from './binding.ts';
import { NativeError } from './errors.ts';
import { availableBytes } from './memory.ts';

const SMALLEST = 256; // bytes

/** From this size on, a new block asks first whether there is memory: the system would end the process later. */
const LARGE = 2 ** 24; // bytes

export class Pool {
  readonly #free = new Map<number, ArrayBuffer[]>();
  readonly #binding: Binding;
  #bytes = 0;

  constructor(binding: Binding) {
    this.#binding = binding;
  }

  /** Bytes of the blocks that wait for a tensor. */
  get idleBytes(): number {
    return this.#bytes;
  }

  /**
   * A block of at least `bytes`, contents undefined.
   *
   * @throws NativeError with code ERR_OUT_OF_MEMORY and the bytes asked.
   */
  take(bytes: number): ArrayBuffer {
    const size = sizeClass(bytes);
    const block = this.#free.get(size)?.pop();
    if (block) {
      this.#bytes -= size;
      return block;
    }
    const made = this.#allocate(size);
    if (made) return made;
    this.clear(); // idle blocks of other sizes may make the room
    return this.#allocate(size) ?? outOfMemory(bytes);
  }

  /** Only for blocks that nothing else holds: whoever still reads one would see another tensor. */
  give(block: ArrayBuffer): void {
    const blocks = this.#free.get(block.byteLength);
    if (blocks) blocks.push(block);
    else this.#free.set(block.byteLength, [block]);
    this.#bytes += block.byteLength;
  }

  clear(): void {
    for (const blocks of this.#free.values()) {
      for (const block of blocks) this.#binding.release(block);
    }
    this.#free.clear();
    this.#bytes = 0;
  }

  #allocate(size: number): ArrayBuffer | null {
    return size >= LARGE && size > availableBytes() ? null : this.#binding.allocate(size);
  }
}

function outOfMemory(bytes: number): never {
  const limit = process.env.UNIEM_MEMORY_LIMIT;
  const error = new NativeError(
    `out of memory: ${bytes} bytes asked, ${availableBytes()} available${limit ? `, UNIEM_MEMORY_LIMIT is ${limit}` : ''}`,
    'make the batch smaller, or set gradientCheckpointing',
  );
  throw Object.assign(error, { code: 'ERR_OUT_OF_MEMORY' });
}

/** Four sizes a doubling: at most a fifth of a block is unused. */
function sizeClass(bytes: number): number {
  if (bytes <= SMALLEST) return SMALLEST;
  const quarter = 2 ** (Math.floor(Math.log2(bytes - 1)) - 2);
  return Math.ceil(bytes / quarter) * quarter;
}
