/** Mutations of any file: flipped, cut, grown, doubled, zeroed bytes. */

import type { Random } from './random.ts';

/** A changed file, and what was done to it, for the report. */
export interface Mutated {
  what: string;
  bytes: Buffer;
  /** Whether no value is another one: a file of weights that opens nonetheless must give what it gave before. */
  sameValues?: boolean;
}

type Mutate = (random: Random, bytes: Buffer) => Mutated;

const splice = (bytes: Buffer, at: number, removed: number, added: Uint8Array = new Uint8Array()) =>
  Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)]);

const randomBytes = (random: Random, length: number) => Buffer.from(Array.from({ length }, () => random.below(256)));

/** Bytes that mean most where sizes and text are read. */
const STRONG = [0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x22, 0x5b, 0x7b, 0x5c];

const MUTATIONS: readonly Mutate[] = [
  (random, bytes) => {
    const copy = Buffer.from(bytes);
    const count = 1 + random.below(8);
    const places = Array.from({ length: count }, () => random.below(bytes.length));
    for (const at of places) copy[at] = (copy[at] as number) ^ (1 << random.below(8));
    return { what: `bits flipped in bytes ${places}`, bytes: copy };
  },
  (random, bytes) => {
    const copy = Buffer.from(bytes);
    const at = random.below(bytes.length);
    copy[at] = random.of(STRONG);
    return { what: `byte ${at} is ${copy[at]}`, bytes: copy };
  },
  (random, bytes) => {
    const length = random.below(bytes.length);
    return { what: `cut after ${length} bytes`, bytes: bytes.subarray(0, length), sameValues: true };
  },
  (random, bytes) => {
    const length = 1 + random.below(20);
    return {
      what: `cut ${length} bytes before its end`,
      bytes: bytes.subarray(0, bytes.length - length),
      sameValues: true,
    };
  },
  (random, bytes) => {
    const added = random.chance(0.5) ? Buffer.alloc(1 + random.below(100_000)) : randomBytes(random, random.below(64));
    return { what: `${added.length} bytes more`, bytes: Buffer.concat([bytes, added]), sameValues: true };
  },
  (random, bytes) => {
    const [at, length] = [random.below(bytes.length), 1 + random.below(64)];
    return { what: `${length} bytes at ${at} removed`, bytes: splice(bytes, at, length) };
  },
  (random, bytes) => {
    const at = random.below(bytes.length);
    const added = randomBytes(random, 1 + random.below(64));
    return { what: `${added.length} bytes at ${at} inserted`, bytes: splice(bytes, at, 0, added) };
  },
  (random, bytes) => {
    const [at, length] = [random.below(bytes.length), 1 + random.below(200)];
    const part = bytes.subarray(at, at + length);
    return { what: `${part.length} bytes at ${at} doubled`, bytes: splice(bytes, at, 0, part) };
  },
  (random, bytes) => {
    const [at, length] = [random.below(bytes.length), 1 + random.below(200)];
    const copy = Buffer.from(bytes);
    const value = random.of([0, 0xff]);
    copy.fill(value, at, Math.min(at + length, copy.length));
    return { what: `${length} bytes at ${at} are ${value}`, bytes: copy };
  },
  (random, bytes) => {
    const width = random.of([2, 4, 8]);
    const at = random.below(Math.max(1, bytes.length - width));
    const value = random.of([0n, 1n, -1n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 63n - 1n]);
    const field = Buffer.alloc(8);
    field.writeBigInt64LE(BigInt.asIntN(64, value));
    const copy = Buffer.from(bytes);
    field.copy(copy, at, 0, width);
    return { what: `${width} bytes at ${at} are the number ${value}`, bytes: copy };
  },
  () => ({ what: 'empty', bytes: Buffer.alloc(0), sameValues: true }),
];

/** Bytes that are no longer those; of an empty file, some. */
export function mutateBytes(random: Random, bytes: Buffer): Mutated {
  if (bytes.length === 0) return { what: 'no longer empty', bytes: randomBytes(random, 1 + random.below(64)) };
  return random.of(MUTATIONS)(random, bytes);
}
