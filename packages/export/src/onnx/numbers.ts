/** Values of weights in the number formats of ONNX files. */

import { ModelError } from '@uniem/core';

/** @throws ModelError naming the weight, for a value that half precision has no number for. */
export function toFloat16(values: Float32Array, name: string, fix = 'use --precision fp32 or int8'): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (float, i) => {
    const half = halfOf(float);
    if ((half & 0x7fff) < 0x7c00) return half;
    throw new ModelError(`${values[i]} does not fit float16, whose largest number is 65504`, `tensor ${name}`, fix);
  });
}

/** The bits of float16 for those of float32, rounded to the nearest, ties to even. */
function halfOf(float: number): number {
  const sign = (float >>> 16) & 0x8000;
  const exponent = ((float >>> 23) & 0xff) - 112; // of float16
  const mantissa = float & 0x7fffff;
  if (exponent >= 31) return sign | 0x7c00;
  if (exponent < -10) return sign;
  const shift = exponent > 0 ? 13 : 14 - exponent; // subnormal: the hidden bit moves into the mantissa
  const whole = exponent > 0 ? (exponent << 23) | mantissa : mantissa | 0x800000;
  const kept = whole >>> shift;
  const rest = whole & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0)); // a carry is the next exponent
}

/** q·scale ≈ values, symmetric. */
export interface Quantized {
  values: Int8Array;
  scales: Float32Array;
}

/**
 * A scale for each column of a matrix [rows, columns].
 *
 * @param largest 127, or 64 where products of two 8-bit numbers may be summed in 16 bits (AVX2, WebAssembly).
 */
export function quantizeColumns(values: Float32Array, rows: number, columns: number, largest: number): Quantized {
  const scales = new Float32Array(columns);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      scales[c] = Math.max(scales[c] as number, Math.abs(values[r * columns + c] as number));
    }
  }
  for (let c = 0; c < columns; c++) scales[c] = scaleOf(scales[c] as number, largest);
  const quantized = new Int8Array(values.length);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const i = r * columns + c;
      quantized[i] = Math.round((values[i] as number) / (scales[c] as number));
    }
  }
  return { values: quantized, scales };
}

/** A scale for each row of a table [rows, columns]. */
export function quantizeRows(values: Float32Array, rows: number, columns: number): Quantized {
  const scales = new Float32Array(rows);
  const quantized = new Int8Array(values.length);
  for (let r = 0; r < rows; r++) {
    let most = 0;
    for (let i = r * columns; i < (r + 1) * columns; i++) most = Math.max(most, Math.abs(values[i] as number));
    const scale = Math.fround(scaleOf(most, 127));
    scales[r] = scale;
    for (let i = r * columns; i < (r + 1) * columns; i++) quantized[i] = Math.round((values[i] as number) / scale);
  }
  return { values: quantized, scales };
}

const scaleOf = (most: number, largest: number): number => (most === 0 ? 1 : most / largest);
