/** Numbers of chance that a seed and a case's number give again, whatever was asked for before. */

export class Random {
  #state: number;

  constructor(seed: number, number: number) {
    this.#state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b)) >>> 0;
    for (let i = 0; i < 4; i++) this.next(); // neighbours' first numbers are alike
  }

  /** From 0 up to, but not, 1. Source: Tommy Ettinger's mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 up to, but not, the end. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  /** One of them. */
  of<T>(choices: readonly T[]): T {
    if (choices.length === 0) throw new Error('internal: nothing to choose from');
    return choices[this.below(choices.length)] as T;
  }

  /** True this often. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }
}
