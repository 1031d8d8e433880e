/** What a file of vectors is made of: a beginning, blocks, an end, and what has to be known to go on after a block. */

import type { Row } from '../records/records.ts';

/** How a value is kept: float16 as the bits of IEEE 754 binary16; packed bits are int8 or uint8. */
export const VECTOR_TYPES = ['float32', 'float16', 'int8', 'uint8'] as const;

export type VectorType = (typeof VECTOR_TYPES)[number];

/** Values in the array of their type; float16 is a Uint16Array of bits. */
export type VectorValues = Float32Array | Uint16Array | Int8Array | Uint8Array;

/** Neighboring vectors and the columns that stand beside them. */
export interface VectorBlock {
  /** A row a vector: its columns, `{}` where there are none. */
  rows: readonly Row[];
  /** [rows, dimension], row after row. */
  vectors: VectorValues;
}

export interface VectorShape {
  type: VectorType;
  /** Values of a vector. */
  dimension: number;
  /** The columns beside the vectors, in their order. */
  columns: readonly string[];
}

/** The column that holds the vector, in formats that name their columns. */
export const VECTOR_COLUMN = 'embedding';

/** Makes the bytes of one file; nothing here touches the disk. */
export interface VectorFormat {
  /** The bytes before the first block, which is empty where there are no vectors. */
  begin(first: VectorBlock): Uint8Array[];
  /** The bytes of a block, in pieces. */
  block(block: VectorBlock): Iterable<Uint8Array>;
  /** The bytes after the last block, and those that take the place of the file's first ones. */
  end(): { tail: Uint8Array[]; head?: Uint8Array };
  /** What a new object needs to go on after the blocks so far: plain JSON. */
  state(): unknown;
}

/** @param state Of an object whose blocks are in the file already. */
export type MakeFormat = (shape: VectorShape, state?: unknown) => VectorFormat;

/** The bytes of an array, without a copy. */
export function bytesOf(values: VectorValues): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** IEEE 754 binary16 to number. */
export function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
