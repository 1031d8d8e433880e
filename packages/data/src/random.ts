/** numpy's default generator, so that a shuffle gives the rows Python's `datasets` gives. */

import type { Kind } from '@uniem/hub/arguments';

import { requireKind, requireList } from './arguments.ts';
import { DataError } from './errors.ts';

const MASK32 = 0xffffffffn;
const MASK64 = (1n << 64n) - 1n;
const MASK128 = (1n << 128n) - 1n;
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

/** Rows that a typed array numbers. */
const SIZE: Kind = {
  name: 'a whole number from 0 below 2³¹',
  is: (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31,
};

const WEIGHT: Kind = {
  name: 'a finite number of at least 0',
  is: (value) => Number.isFinite(value) && (value as number) >= 0,
};

const STATE: Kind = {
  name: 'the state of a generator',
  is: (value) =>
    [(value as RandomState | null)?.state, (value as RandomState | null)?.increment].every(
      (one) => typeof one === 'string' && /^\d+$/.test(one),
    ),
};

export interface RandomState {
  state: string;
  increment: string;
  half: number | null;
}

/** PCG64 (XSL RR 128/64) seeded through SeedSequence. Source: numpy/random/bit_generator.pyx and pcg64.h. */
export class Pcg64 {
  #state: bigint;
  #increment: bigint;
  #half: number | undefined;

  /** @param seed A whole number from 0 on, as np.random.default_rng takes. */
  constructor(seed: number | bigint) {
    if (!(typeof seed === 'bigint' || Number.isSafeInteger(seed)) || seed < 0) {
      throw new DataError(`${seed} is not a seed`, 'seed', 'give a whole number from 0 on');
    }
    const [s0, s1, s2, s3] = seedSequence(seed) as [bigint, bigint, bigint, bigint];
    this.#increment = ((((s2 << 64n) | s3) << 1n) | 1n) & MASK128;
    this.#state = this.#increment;
    this.#state = (this.#state + ((s0 << 64n) | s1)) & MASK128;
    this.#advance();
  }

  /** Where the generator is: plain JSON, for `fromState`. */
  state(): RandomState {
    return { state: `${this.#state}`, increment: `${this.#increment}`, half: this.#half ?? null };
  }

  static fromState(given: RandomState): Pcg64 {
    requireKind(given, STATE, 'fromState', 'give what state() gave');
    const { state, increment, half } = given;
    const random = new Pcg64(0);
    random.#state = BigInt(state);
    random.#increment = BigInt(increment);
    random.#half = half ?? undefined;
    return random;
  }

  /** A generator that will draw what this one would. */
  clone(): Pcg64 {
    const copy = new Pcg64(0);
    copy.#state = this.#state;
    copy.#increment = this.#increment;
    copy.#half = this.#half;
    return copy;
  }

  #advance(): void {
    this.#state = (this.#state * MULTIPLIER + this.#increment) & MASK128;
  }

  #next64(): bigint {
    this.#advance();
    const folded = ((this.#state >> 64n) ^ this.#state) & MASK64;
    const turn = this.#state >> 122n;
    return ((folded >> turn) | (folded << ((64n - turn) & 63n))) & MASK64;
  }

  /** Low half first, then the high half that was kept. */
  #next32(): number {
    if (this.#half !== undefined) {
      const half = this.#half;
      this.#half = undefined;
      return half;
    }
    const value = this.#next64();
    this.#half = Number(value >> 32n);
    return Number(value & MASK32);
  }

  /** A whole number from 0 to `max`, which is below 2³²: masked rejection, as Generator.shuffle draws. */
  #interval(max: number): number {
    if (max === 0) return 0;
    const mask = 2 ** (32 - Math.clz32(max)) - 1;
    for (;;) {
      const value = (this.#next32() & mask) >>> 0;
      if (value <= max) return value;
    }
  }

  /** np.random.Generator.random(): from 0 up to 1, 53 bits. */
  random(): number {
    return Number(this.#next64() >> 11n) / 2 ** 53;
  }

  /**
   * np.random.Generator.integers(low, high): from low up to high − 1; the range is at most 2³².
   *
   * Lemire's multiplication with rejection, as numpy draws ranges that fit 32 bits.
   */
  integers(low: number, high: number): number {
    const range = high - low;
    if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high) || range < 1 || range > 2 ** 32) {
      throw new DataError(`no integers from ${low} below ${high}`, 'integers', 'give whole numbers, at most 2³² apart');
    }
    if (range === 1) return low;
    const wide = BigInt(range);
    const threshold = (MASK32 + 1n) % wide;
    let product: bigint;
    do product = BigInt(this.#next32()) * wide;
    while ((product & MASK32) < threshold);
    return low + Number(product >> 32n);
  }

  /** np.random.Generator.integers(0, 2**63): the half of 64 bits that Lemire's multiplication keeps. */
  integer63(): bigint {
    return this.#next64() >> 1n;
  }

  /** np.random.Generator.choice(weights.length, p=weights): an index, as often as its weight. */
  choice(weights: readonly number[]): number {
    requireList(weights, WEIGHT, 'weights');
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    if (total === 0) throw new DataError('sum to 0', 'weights', 'give one that is above 0');
    const drawn = this.random();
    let sum = 0;
    for (const [index, weight] of weights.entries()) {
      sum += weight;
      if (sum / total > drawn) return index;
    }
    return weights.length - 1; // the shares' sum is rounded
  }

  /** np.random.Generator.shuffle of a list, as a new list. */
  shuffled<T>(items: readonly T[]): T[] {
    requireKind(items, { name: 'an array', is: Array.isArray }, 'items');
    return Array.from(this.permutation(items.length), (index) => items[index] as T);
  }

  /** np.random.Generator.permutation(size). */
  permutation(size: number): Int32Array {
    requireKind(size, SIZE, 'size');
    const order = Int32Array.from({ length: size }, (_, i) => i);
    for (let i = size - 1; i > 0; i--) {
      const j = this.#interval(i);
      const kept = order[i] as number;
      order[i] = order[j] as number;
      order[j] = kept;
    }
    return order;
  }
}

/** SeedSequence(seed).generate_state(4, uint64). */
function seedSequence(seed: number | bigint): bigint[] {
  const entropy: number[] = [];
  for (let rest = BigInt(seed); ; rest >>= 32n) {
    entropy.push(Number(rest & MASK32));
    if (rest <= MASK32) break;
  }
  let constant = 0x43b0d7e5;
  const hashMix = (input: number): number => {
    let value = (input ^ constant) >>> 0;
    constant = Math.imul(constant, 0x931e8875) >>> 0;
    value = Math.imul(value, constant) >>> 0;
    return (value ^ (value >>> 16)) >>> 0;
  };
  const mix = (x: number, y: number): number => {
    const result = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) >>> 0;
    return (result ^ (result >>> 16)) >>> 0;
  };
  const pool = Array.from({ length: 4 }, (_, i) => hashMix(entropy[i] ?? 0));
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) {
      if (from !== to) pool[to] = mix(pool[to] as number, hashMix(pool[from] as number));
    }
  }
  for (const extra of entropy.slice(4)) {
    for (let to = 0; to < 4; to++) pool[to] = mix(pool[to] as number, hashMix(extra));
  }
  let output = 0x8b51f9dd;
  const words = Array.from({ length: 8 }, (_, i) => {
    let value = ((pool[i % 4] as number) ^ output) >>> 0;
    output = Math.imul(output, 0x58f38ded) >>> 0;
    value = Math.imul(value, output) >>> 0;
    return BigInt((value ^ (value >>> 16)) >>> 0);
  });
  return [0, 2, 4, 6].map((i) => (words[i] as bigint) | ((words[i + 1] as bigint) << 32n));
}
