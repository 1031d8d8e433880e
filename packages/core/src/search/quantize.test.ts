/** Against fixtures/quantization/generate.py: sentence-transformers' quantize_embeddings, and NumPy's float16. */

import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { dequantizeEmbedding, quantizationRanges, quantizedShape, quantizeEmbeddings } from './quantize.ts';

const path = new URL('../../../../fixtures/quantization/expected.json', import.meta.url);
const golden = JSON.parse(readFileSync(path, 'utf8'));
const rows = (values: number[][]) => values.map((row) => Float32Array.from(row));
const embeddings = rows(golden.embeddings);
const lists = (quantized: readonly ArrayLike<number>[]) => quantized.map((row) => Array.from(row));

test.each(['int8', 'uint8', 'binary', 'ubinary'] as const)("%s is sentence-transformers'", (precision) => {
  const quantized = quantizeEmbeddings(embeddings, precision);
  expect(lists(quantized)).toEqual(golden.results[precision].own);
  const { type, dimension } = quantizedShape(precision, 13);
  expect(quantized[0]?.constructor.name.toLowerCase()).toBe(`${type}array`);
  expect(quantized[0]).toHaveLength(dimension);
});

test.each(['int8', 'uint8'] as const)('%s by the ranges of other embeddings, and back', (precision) => {
  const ranges = quantizationRanges(rows(golden.calibration));
  const quantized = quantizeEmbeddings(embeddings, precision, ranges) as (Int8Array | Uint8Array)[];
  expect(lists(quantized)).toEqual(golden.results[precision].calibrated);
  const restored = quantized.map((row) => Array.from(dequantizeEmbedding(row, ranges)));
  restored.forEach((row, i) => {
    row.forEach((value, j) => {
      expect(value).toBeCloseTo(golden.results[precision].restored[i][j], 12);
    });
  });
});

test("float16 rounds as NumPy's", () => {
  const values = golden.halves.values.map((text: string) => Number(text.replace('inf', 'Infinity')));
  const [bits] = quantizeEmbeddings([Float32Array.from(values)], 'float16');
  expect(Array.from(bits as Uint16Array)).toEqual(golden.halves.bits);
});

test('ranges of one embedding are refused', () => {
  expect(() => quantizeEmbeddings(embeddings.slice(0, 1), 'int8')).toThrow(
    'calibration: no ranges can be told from 1 embedding\n  fix: give at least two texts, better a few hundred',
  );
  expect(quantizeEmbeddings([], 'int8')).toEqual([]);
});
