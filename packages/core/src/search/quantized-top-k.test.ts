/** Against fixtures/quantization/generate_search.py: semantic_search_faiss and semantic_search_usearch, rescored. */

import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { quantizationRanges } from './quantize.ts';
import { quantizedTopK, type SearchPrecision } from './quantized-top-k.ts';
import type { Hit } from './top-k.ts';
import { vectorsInMemory } from './vector-source.ts';

interface Result {
  precision: SearchPrecision;
  multiplier: number;
  hits: [index: number, score: number][][];
}

const path = new URL('../../../../fixtures/quantization/search.json', import.meta.url);
const golden = JSON.parse(readFileSync(path, 'utf8'));
const rows = (values: number[][]) => values.map((row) => Float32Array.from(row));
const [queries, documents] = [rows(golden.queries), rows(golden.documents)];

test.each<Result>(golden.results)(
  '$precision, $multiplier times the candidates',
  async ({ precision, multiplier, hits }) => {
    const ranges = precision.endsWith('int8') ? quantizationRanges(documents) : undefined;
    const found: Hit[][] = [];
    const options = { precision, ranges, multiplier };
    for await (const part of quantizedTopK(vectorsInMemory(queries), vectorsInMemory(documents), golden.k, options)) {
      found.push(...part);
    }
    expect(found.map((own) => own.map(({ index }) => index))).toEqual(hits.map((own) => own.map(([index]) => index)));
    found.forEach((own, i) => {
      own.forEach(({ score }, j) => {
        expect(score).toBeCloseTo(hits[i]?.[j]?.[1] as number, 5);
      });
    });
  },
);
