/** Embeddings of fewer bits, as sentence-transformers' quantize_embeddings makes them. N embeddings, H values. */

import { OBJECT, oneOf, requireKind, requireList } from '../arguments.ts';
import { OptionError } from '../errors.ts';
import { OUTPUT_PRECISIONS, type OutputPrecision } from '../names.ts';

const EMBEDDING = { name: 'a Float32Array', is: (value: unknown) => value instanceof Float32Array };

export type Quantized = Float32Array | Uint16Array | Int8Array | Uint8Array;

/** The least and the greatest value of each dimension, float32 [H]. */
export interface QuantizationRanges {
  least: Float32Array;
  most: Float32Array;
}

/** Whether a precision needs ranges. */
export const isCalibrated = (precision: OutputPrecision) => precision === 'int8' || precision === 'uint8';

/** What is kept of a vector of H values: how many, and in which type. */
export function quantizedShape(precision: OutputPrecision, H: number) {
  switch (precision) {
    case 'binary':
      return { type: 'int8', dimension: Math.ceil(H / 8) } as const;
    case 'ubinary':
      return { type: 'uint8', dimension: Math.ceil(H / 8) } as const;
    default:
      return { type: precision, dimension: H };
  }
}

/**
 * The ranges that int8 and uint8 divide into 256 steps, from embeddings like those to quantize.
 *
 * @throws OptionError for fewer than two, of which no range can be told.
 */
export function quantizationRanges(embeddings: readonly Float32Array[]): QuantizationRanges {
  requireList(embeddings, EMBEDDING, 'embeddings');
  const [first, second] = embeddings;
  if (!first || !second) {
    throw new OptionError(
      `no ranges can be told from ${embeddings.length} ${embeddings.length === 1 ? 'embedding' : 'embeddings'}`,
      'calibration',
      'give at least two texts, better a few hundred',
    );
  }
  const [least, most] = [first.slice(), first.slice()];
  for (const embedding of embeddings) {
    for (let i = 0; i < least.length; i++) {
      const value = embedding[i] as number;
      if (value < (least[i] as number)) least[i] = value;
      if (value > (most[i] as number)) most[i] = value;
    }
  }
  return { least, most };
}

/**
 * @param ranges Of int8 and uint8; those of the embeddings themselves if left out.
 * @returns An array an embedding, of the type that quantizedShape names.
 */
export function quantizeEmbeddings(
  embeddings: readonly Float32Array[],
  precision: OutputPrecision,
  ranges?: QuantizationRanges,
): Quantized[] {
  requireList(embeddings, EMBEDDING, 'embeddings');
  requireKind(precision, oneOf(...OUTPUT_PRECISIONS), 'precision');
  if (ranges !== undefined) requireKind(ranges, OBJECT, 'ranges');
  switch (precision) {
    case 'float32':
      return [...embeddings];
    case 'float16':
      return embeddings.map((embedding) => Uint16Array.from(embedding, halfBits));
    case 'binary':
      return embeddings.map((embedding) => Int8Array.from(packedSigns(embedding), (byte) => byte - 128));
    case 'ubinary':
      return embeddings.map(packedSigns);
    default: {
      if (embeddings.length === 0) return [];
      const found = ranges ?? quantizationRanges(embeddings);
      const steps = stepsOf(found);
      return embeddings.map((embedding) => buckets(embedding, found.least, steps, precision));
    }
  }
}

/** The values that int8 and uint8 stand for, [H]. */
export function dequantizeEmbedding(embedding: Int8Array | Uint8Array, ranges: QuantizationRanges): Float64Array {
  const steps = stepsOf(ranges);
  const offset = embedding instanceof Int8Array ? 128 : 0;
  return Float64Array.from(
    embedding,
    (value, i) => (value + offset) * (steps[i] as number) + (ranges.least[i] as number),
  );
}

/** float32 [H]; 1 where a value never changes. */
function stepsOf({ least, most }: QuantizationRanges): Float32Array {
  return least.map((value, i) => Math.fround(Math.fround((most[i] as number) - value) / 255) || 1);
}

/** Rounded to float32 after each operation, as NumPy computes it: a bucket's edge is met by the same values. */
function buckets(embedding: Float32Array, least: Float32Array, steps: Float32Array, precision: 'int8' | 'uint8') {
  const signed = precision === 'int8';
  const values = signed ? new Int8Array(embedding.length) : new Uint8Array(embedding.length);
  for (let i = 0; i < embedding.length; i++) {
    const above = Math.fround((embedding[i] as number) - (least[i] as number));
    const bucket = Math.min(255, Math.max(0, Math.floor(Math.fround(above / (steps[i] as number)))));
    values[i] = signed ? bucket - 128 : bucket;
  }
  return values;
}

/** A bit a value, 1 above 0, the first one highest: numpy.packbits. */
function packedSigns(embedding: Float32Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(embedding.length / 8));
  embedding.forEach((value, i) => {
    if (value > 0) (bytes[i >> 3] as number) |= 0x80 >> (i & 7);
  });
  return bytes;
}

const number = new Float32Array(1);
const bits = new Uint32Array(number.buffer);

/** To the nearest half, of two the even one. */
function halfBits(value: number): number {
  number[0] = value;
  const all = bits[0] as number;
  const sign = (all >>> 16) & 0x8000;
  const rest = all & 0x7fffffff;
  if (rest > 0x7f800000) return sign | 0x7e00; // NaN
  if (rest >= 0x477ff000) return sign | 0x7c00; // 65520 and above round to infinity
  if (rest < 0x38800000) return sign | roundHalfEven(Math.abs(value) * 2 ** 24); // subnormal: steps of 2^-24
  const half = (rest - 0x38000000) >>> 13;
  const rounding = rest & 0x1fff;
  return sign | (half + (rounding > 0x1000 || (rounding === 0x1000 && half & 1) ? 1 : 0));
}

function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const over = value - below;
  return below + (over > 0.5 || (over === 0.5 && below % 2 === 1) ? 1 : 0);
}
