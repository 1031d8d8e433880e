/** Mutations of safetensors: lies about the header's size, about places, shapes and dtypes; names that are there twice. */

import { type Mutated, mutateBytes } from './bytes.ts';
import { mutateValue, printJson } from './json.ts';
import type { Random } from './random.ts';

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

const join = (header: Buffer, data: Buffer, size = BigInt(header.length)) => {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt.asUintN(64, size));
  return Buffer.concat([length, header, data]);
};

const DTYPES = ['F32', 'F16', 'BF16', 'F64', 'I64', 'BOOL', 'F8_E4M3', 'f32', '', '__proto__'];

/** What is done to one tensor, and another. */
const LIES: readonly ((random: Random, entry: Entry, other: Entry) => string)[] = [
  (_, entry, other) => {
    entry.data_offsets = [...other.data_offsets];
    return 'lies where another does';
  },
  (random, entry) => {
    const by = random.of([1, -1, 4, -4, 1000, 2 ** 31, 2 ** 53, -(2 ** 53)]);
    entry.data_offsets = [entry.data_offsets[0] + by, entry.data_offsets[1] + by];
    return `lies ${by} bytes on`;
  },
  (random, entry) => {
    const by = random.of([1, -1, 2, 1e12]);
    entry.data_offsets[1] += by;
    return `ends ${by} bytes on`;
  },
  (_, entry) => {
    entry.data_offsets.reverse();
    return 'ends where it begins';
  },
  (random, entry) => {
    entry.dtype = random.of(DTYPES);
    return `is of dtype ${entry.dtype}`;
  },
  (random, entry) => {
    entry.shape = random.of([
      entry.shape.toReversed(),
      [...entry.shape, 1],
      entry.shape.flatMap((size) => [size / 2, 2]),
      [2 ** 53, 2 ** 53],
      [0, ...entry.shape],
      [-1, ...entry.shape],
      Array.from({ length: 100_000 }, () => 1),
      [],
    ]);
    return `is of shape ${entry.shape.slice(0, 10)}`;
  },
];

/** Another file, whose header may be of any kind. */
export function mutateSafetensors(random: Random, bytes: Buffer): Mutated {
  const kind = random.next();
  if (kind < 0.3) return mutateBytes(random, bytes);
  const size = Number(bytes.readBigUInt64LE(0));
  const [header, data] = [bytes.subarray(8, 8 + size), bytes.subarray(8 + size)];
  if (kind < 0.4) {
    const sizes = [0n, 1n, 2n, BigInt(size - 1), BigInt(size + 1), BigInt(bytes.length), 99_999_999n, 2n ** 31n];
    const lie = random.of([...sizes, 2n ** 32n, 2n ** 53n, 2n ** 63n, -1n, -BigInt(size)]);
    return { what: `a header of ${lie} bytes`, bytes: join(header, data, lie), sameValues: true };
  }
  const value = JSON.parse(header.toString('utf8')) as Record<string, Entry>;
  if (kind < 0.6) {
    const { what, value: changed } = mutateValue(random, value);
    return { what, bytes: join(Buffer.from(printJson(changed)), data) };
  }
  if (kind < 0.65) {
    const depth = random.of(['[', '{"a":', '{"w":{"shape":[']).repeat(100_000);
    return { what: 'a deep header', bytes: join(Buffer.from(depth), data), sameValues: true };
  }
  const names = Object.keys(value).filter((name) => name !== '__metadata__');
  if (kind < 0.7) {
    const name = random.of(names);
    const twice = `{${JSON.stringify(name)}:${JSON.stringify(value[random.of(names)])},${header.subarray(1)}`;
    return { what: `${name} twice`, bytes: join(Buffer.from(twice), data), sameValues: true };
  }
  if (kind < 0.75) {
    const spaces = Buffer.concat([header, Buffer.alloc(random.below(3_000_000), ' ')]);
    return { what: 'a header that ends in spaces', bytes: join(spaces, data), sameValues: true };
  }
  const whats = Array.from({ length: random.of([1, 1, 2]) }, () => {
    const [name, other] = [random.of(names), random.of(names)];
    return `${name} ${random.of(LIES)(random, value[name] as Entry, value[other] as Entry)}`;
  });
  return { what: whats.join('; '), bytes: join(Buffer.from(JSON.stringify(value)), data) };
}
