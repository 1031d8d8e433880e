/** Vectors as JSON Lines: the columns of a row and `embedding`, a list of numbers. */

import { jsonOf } from './json.ts';
import {
  halfToNumber,
  VECTOR_COLUMN,
  type VectorBlock,
  type VectorFormat,
  type VectorShape,
  type VectorValues,
} from './vector-format.ts';

/** Characters gathered before they become bytes: no string grows with the block. */
const CHUNK = 1 << 20;

export class JsonlFormat implements VectorFormat {
  readonly #shape: VectorShape;

  constructor(shape: VectorShape) {
    this.#shape = shape;
  }

  begin(): Uint8Array[] {
    return [];
  }

  *block({ rows, vectors }: VectorBlock): Generator<Uint8Array> {
    const { dimension, type } = this.#shape;
    let text = '';
    for (const [i, row] of rows.entries()) {
      const vector = vectors.subarray(i * dimension, (i + 1) * dimension) as VectorValues;
      const values = type === 'float16' ? Array.from(vector, halfToNumber) : Array.from(vector);
      text += `${jsonOf({ ...row, [VECTOR_COLUMN]: values })}\n`;
      if (text.length < CHUNK) continue;
      yield Buffer.from(text);
      text = '';
    }
    if (text !== '') yield Buffer.from(text);
  }

  end() {
    return { tail: [] };
  }

  state(): null {
    return null;
  }
}
