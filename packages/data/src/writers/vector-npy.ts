/** Vectors as .npy, NumPy's format version 1.0: [rows, dimension], read by numpy.load and by memory mapping. */

import { bytesOf, type VectorBlock, type VectorFormat, type VectorShape, type VectorType } from './vector-format.ts';

const DESCRIPTIONS: Readonly<Record<VectorType, string>> = {
  float32: '<f4',
  float16: '<f2',
  int8: '|i1',
  uint8: '|u1',
};

/** Bytes before the values: room for any number of rows, so that the header can be written last. */
export const NPY_HEADER = 128;

export class NpyFormat implements VectorFormat {
  readonly #shape: VectorShape;
  #rows: number;

  constructor(shape: VectorShape, state?: unknown) {
    this.#shape = shape;
    this.#rows = (state as number | undefined) ?? 0;
  }

  begin(): Uint8Array[] {
    return [npyHeader(this.#shape, 0)];
  }

  block({ rows, vectors }: VectorBlock): Uint8Array[] {
    this.#rows += rows.length;
    return [bytesOf(vectors)];
  }

  end() {
    return { tail: [], head: npyHeader(this.#shape, this.#rows) };
  }

  state(): number {
    return this.#rows;
  }
}

/** Source of the layout: numpy/lib/format.py. */
function npyHeader({ type, dimension }: VectorShape, rows: number): Uint8Array {
  const text = `{'descr': '${DESCRIPTIONS[type]}', 'fortran_order': False, 'shape': (${rows}, ${dimension}), }`;
  const head = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${text.padEnd(NPY_HEADER - 11)}\n`, 'latin1');
  head.writeUInt16LE(NPY_HEADER - 10, 8);
  return head;
}
