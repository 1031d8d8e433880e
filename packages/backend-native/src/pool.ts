/** Memory of tensors: blocks of a few sizes, taken again when a tensor is disposed of. */

import type { Binding } from './binding.ts';
import { availableBytes, outOfMemory } from './memory.ts';

const SMALLEST = 256; // bytes

/** From this size on, a new block asks first whether there is memory: the system would end the process later. */
const LARGE = 2 ** 24; // bytes

/** What idle blocks may add to the most that tensors held at once, in this period or the one before. */
const SLACK = 0.25;

/** Blocks taken in a period: some thirty steps of a 6-layer BERT. */
const PERIOD = 2 ** 14;

/** Milliseconds without use after which no block waits any longer. */
const REST = 10_000;

/** Sizes above the wanted one whose idle blocks serve too: up to twice as much. */
const NEAR_SIZES = 4;

export class Pool {
  /** Idle blocks by size, the sizes used last at the end. */
  readonly #free = new Map<number, ArrayBuffer[]>();
  readonly #binding: Binding;
  readonly #rest: number;
  #idle = 0;
  #taken = 0;
  #mostTaken = 0;
  #mostTakenBefore = 0;
  #takes = 0;
  #lastUse = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param rest Milliseconds without use after which all idle blocks are released. */
  constructor(binding: Binding, rest = REST) {
    this.#binding = binding;
    this.#rest = rest;
  }

  /** Bytes of the blocks that wait for a tensor. */
  get idleBytes(): number {
    return this.#idle;
  }

  /**
   * A block of at least `bytes`, contents undefined.
   *
   * @throws NativeError with code ERR_OUT_OF_MEMORY and the bytes asked.
   */
  take(bytes: number): ArrayBuffer {
    const block = this.#idleBlock(sizeClass(bytes)) ?? this.#newBlock(sizeClass(bytes));
    if (!block) throw outOfMemory(`out of memory: ${bytes} bytes asked`);
    this.#taken += block.byteLength;
    this.#mostTaken = Math.max(this.#mostTaken, this.#taken);
    if (++this.#takes % PERIOD === 0) this.#endPeriod();
    return block;
  }

  /** Only for blocks that nothing else holds: whoever still reads one would see another tensor. */
  give(block: ArrayBuffer): void {
    const size = block.byteLength;
    const blocks = this.#free.get(size) ?? [];
    blocks.push(block);
    this.#free.delete(size);
    this.#free.set(size, blocks);
    this.#taken -= size;
    this.#idle += size;
    this.#lastUse = performance.now();
    this.#timer ??= setTimeout(() => this.#clearAtRest(), this.#rest).unref();
  }

  /** A block that is no longer the pool's: it is freed with its last array. */
  forget(block: ArrayBuffer): void {
    this.#taken -= block.byteLength;
  }

  clear(): void {
    this.#shrink(0);
  }

  /** A process that computes no more keeps no idle memory. */
  #clearAtRest(): void {
    this.#timer = undefined;
    const left = this.#lastUse + this.#rest - performance.now();
    if (left <= 0) this.clear();
    else this.#timer = setTimeout(() => this.#clearAtRest(), left).unref();
  }

  /** One large batch long ago is no reason to keep its memory. */
  #endPeriod(): void {
    this.#mostTakenBefore = this.#mostTaken;
    this.#mostTaken = this.#taken;
    this.#shrink(this.#mostIdle(this.#taken));
  }

  /** Bytes that may stay idle beside those that are taken. */
  #mostIdle(taken: number): number {
    return Math.max(this.#mostTaken, this.#mostTakenBefore, taken) * (1 + SLACK) - taken;
  }

  #idleBlock(wanted: number): ArrayBuffer | undefined {
    let size = wanted;
    for (let i = 0; i <= NEAR_SIZES; i++, size = sizeClass(size + 1)) {
      const block = this.#free.get(size)?.pop();
      if (block) {
        this.#idle -= size;
        return block;
      }
    }
    return undefined;
  }

  /** Batches of other lengths need other sizes: those of earlier ones are released past the slack. */
  #newBlock(size: number): ArrayBuffer | undefined {
    this.#shrink(this.#mostIdle(this.#taken + size));
    const block = this.#allocate(size);
    if (block || this.#idle === 0) return block;
    this.clear(); // idle blocks may make the room
    return this.#allocate(size);
  }

  /** Releases idle blocks until they are of `bytes` at most, those of sizes not used for longest first. */
  #shrink(bytes: number): void {
    for (const [size, blocks] of this.#free) {
      while (this.#idle > bytes && blocks.length > 0) {
        this.#binding.release(blocks.pop() as ArrayBuffer);
        this.#idle -= size;
      }
      if (blocks.length === 0) this.#free.delete(size);
      if (this.#idle <= bytes) return;
    }
  }

  #allocate(size: number): ArrayBuffer | undefined {
    return size >= LARGE && size > availableBytes() ? undefined : (this.#binding.allocate(size) ?? undefined);
  }
}

/** Four sizes a doubling: at most a fifth of a block is unused. */
function sizeClass(bytes: number): number {
  if (bytes <= SMALLEST) return SMALLEST;
  const quarter = 2 ** (Math.floor(Math.log2(bytes - 1)) - 2);
  return Math.ceil(bytes / quarter) * quarter;
}
