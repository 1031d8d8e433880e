/**
 * The nearest documents where the documents are quantized, as sentence-transformers' semantic_search_faiss and
 * semantic_search_usearch find them: by the codes first, then those candidates again by the query as it is.
 */

import type { SearchPrecision } from '../names.ts';
import { dequantizeEmbedding, type QuantizationRanges, type Quantized, quantizeEmbeddings } from './quantize.ts';
import { SEARCH_MEMORY } from './score-blocks.ts';
import { type Hit, topK } from './top-k.ts';
import type { VectorSource } from './vector-source.ts';

export interface QuantizedSearch {
  precision: SearchPrecision;
  /** Of int8 and uint8: those by which the documents are quantized. */
  ranges?: QuantizationRanges | undefined;
  /** So many times as many candidates are looked at again as are wanted. */
  multiplier: number;
  memory?: number | undefined;
}

/**
 * @param documents As they were before the quantization, which is done here.
 * @returns By some queries after another, in their order: the hits of each, scored by the query and what is left of the
 *   document. Of equal ones the better by its code comes first.
 */
export async function* quantizedTopK(
  queries: VectorSource,
  documents: VectorSource,
  k: number,
  { precision, ranges, multiplier, memory = SEARCH_MEMORY }: QuantizedSearch,
): AsyncGenerator<Hit[][]> {
  const codes = (source: VectorSource) => coded(source, precision, ranges);
  let number = 0;
  for await (const part of topK(codes(queries), codes(documents), k * multiplier, memory)) {
    const hits: Hit[][] = [];
    for (const candidates of part) {
      const query = await queries.read(number, number + 1);
      number += 1;
      const again: Hit[] = [];
      for (const { index } of candidates) {
        const [code] = quantizeEmbeddings([await documents.read(index, index + 1)], precision, ranges);
        again.push({ index, score: product(query, meaning(code as Quantized, ranges)) });
      }
      hits.push(again.sort((a, b) => b.score - a.score).slice(0, k));
    }
    yield hits;
  }
}

/** Vectors whose dot products order documents as their codes do: of scalars their own, of bits by how many are equal. */
function coded(source: VectorSource, precision: SearchPrecision, ranges: QuantizationRanges | undefined): VectorSource {
  const H = source.dimension;
  return {
    length: source.length,
    dimension: H,
    async read(start, end) {
      const vectors = await source.read(start, end);
      if (precision === 'binary' || precision === 'ubinary') return vectors.map((value) => (value > 0 ? 1 : -1));
      const rows = Array.from({ length: end - start }, (_, i) => vectors.subarray(i * H, (i + 1) * H));
      const all = new Float32Array(vectors.length);
      quantizeEmbeddings(rows, precision, ranges).forEach((row, i) => {
        all.set(row, i * H);
      });
      return all;
    },
  };
}

/** What a code stands for: of a bit 0 or 1. */
function meaning(code: Quantized, ranges: QuantizationRanges | undefined): ArrayLike<number> {
  if (ranges) return dequantizeEmbedding(code as Int8Array | Uint8Array, ranges);
  const offset = code instanceof Int8Array ? 128 : 0;
  return Array.from({ length: code.length * 8 }, (_, i) => (((code[i >> 3] as number) + offset) >> (7 - (i & 7))) & 1);
}

/** Bits past the last value are padding. */
function product(query: Float32Array, values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < query.length; i++) sum += (query[i] as number) * (values[i] as number);
  return sum;
}
