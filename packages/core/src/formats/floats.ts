/** Floating-point values of a checkpoint, by dtype, to float32. Little-endian, as every format of ours and every CPU is. */

/** Bytes a value. */
export const FLOAT_BYTES = {
  F32: 4,
  F16: 2,
  BF16: 2,
  F64: 8,
} as const;

export type FloatType = keyof typeof FLOAT_BYTES;

export function isFloatType(dtype: unknown): dtype is FloatType {
  return typeof dtype === 'string' && Object.hasOwn(FLOAT_BYTES, dtype);
}

/** @param bytes Begins at a multiple of 8 of its buffer; the result may be a view of it. */
export function toFloat32(bytes: Uint8Array, dtype: FloatType, size: number): Float32Array {
  if (dtype === 'F32') return new Float32Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, size);
  if (dtype === 'F64') return Float32Array.from(new Float64Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, size));
  const halves = new Uint16Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, size);
  const values = new Float32Array(size);
  if (dtype === 'BF16') {
    const bits = new Uint32Array(values.buffer);
    for (let i = 0; i < size; i++) bits[i] = (halves[i] as number) << 16;
    return values;
  }
  for (let i = 0; i < size; i++) values[i] = halfToFloat(halves[i] as number);
  return values;
}

/** IEEE 754 binary16 to number. */
function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
