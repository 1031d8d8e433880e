/** Ranks in a search of quantized documents: what of a retrieval is lost by it. */

import type { SearchPrecision } from '@uniem/core';
import { type QuantizationRanges, quantizationRanges, quantizedTopK, type VectorSource } from '@uniem/core/search';

export interface Quantization {
  precision: SearchPrecision;
  /** So many times as many candidates are scored again by the query as it is; 2 if left out. */
  multiplier?: number | undefined;
}

/** The metrics look no farther. */
const DEPTH = 100;
/** Documents that int8 and uint8 take their ranges from. */
const CALIBRATION = 1000;

/**
 * Ranks from 1 of each query's answers among the hundred best; infinite for one that is not there. The same text twice is
 * one answer, as in ranksOf.
 *
 * @param answers By query, the indices of each answer's documents of the right text.
 */
export async function quantizedRanks(
  queries: VectorSource,
  documents: VectorSource,
  answers: readonly (readonly (readonly number[])[])[],
  { precision, multiplier = 2, memory }: Quantization & { memory: number },
): Promise<number[][]> {
  const ranges = precision === 'int8' || precision === 'uint8' ? await rangesOf(documents) : undefined;
  const all: number[][] = [];
  for await (const part of quantizedTopK(queries, documents, DEPTH, { precision, ranges, multiplier, memory })) {
    for (const hits of part) {
      const own = answers[all.length] as readonly (readonly number[])[];
      const answerOf = new Map(own.flatMap((copies, answer) => copies.map((index) => [index, answer])));
      const ranks = own.map(() => Number.POSITIVE_INFINITY);
      let rank = 0;
      for (const { index } of hits) {
        const answer = answerOf.get(index);
        if (answer !== undefined && Number.isFinite(ranks[answer])) continue; // another copy stands nowhere
        rank += 1;
        if (answer !== undefined) ranks[answer] = rank;
      }
      all.push(ranks);
    }
  }
  return all;
}

async function rangesOf(documents: VectorSource): Promise<QuantizationRanges> {
  const H = documents.dimension;
  const first = await documents.read(0, Math.min(CALIBRATION, documents.length));
  return quantizationRanges(Array.from({ length: first.length / H }, (_, i) => first.subarray(i * H, (i + 1) * H)));
}
