/** The nearest documents of each query by dot product, exactly, in the memory of a block. */

import { SEARCH_MEMORY, scoreBlocks } from './score-blocks.ts';
import type { VectorSource } from './vector-source.ts';

/** A document that was found: its number and its dot product with the query. */
export interface Hit {
  index: number;
  score: number;
}

/**
 * The `k` documents of the highest dot product, the highest first, of equal ones the lower number; fewer where there
 * are fewer. Unit vectors give cosines: sentence-transformers' semantic_search.
 *
 * @param memory Bytes of vectors and scores held at once.
 * @returns By some queries after another, in their order: the hits of each.
 */
export async function* topK(
  queries: VectorSource,
  documents: VectorSource,
  k: number,
  memory = SEARCH_MEMORY,
): AsyncGenerator<Hit[][]> {
  let found: Nearest[] = [];
  let first = -1;
  for await (const block of scoreBlocks(queries, documents, memory)) {
    if (block.firstQuery !== first) {
      if (first >= 0) yield found.map((nearest) => nearest.hits());
      first = block.firstQuery;
      found = Array.from({ length: block.queries }, () => new Nearest(k));
    }
    const { scores, documents: D } = block;
    found.forEach((nearest, query) => {
      const error = block.errorOf(query);
      let least = nearest.worst - error;
      for (let document = 0, at = query * D; document < D; document++, at++) {
        if (!((scores[at] as number) >= least)) continue; // also what is no number
        nearest.add(block.firstDocument + document, block.exact(query, document));
        least = nearest.worst - error;
      }
    });
  }
  if (first >= 0) yield found.map((nearest) => nearest.hits());
}

/** The best so far; documents come in the order of their numbers. */
class Nearest {
  readonly #scores: Float64Array;
  readonly #indices: Float64Array; // more documents than 32 bits count
  #size = 0;

  constructor(k: number) {
    this.#scores = new Float64Array(k);
    this.#indices = new Float64Array(k);
  }

  /** What a document must be better than, once there are k. */
  get worst(): number {
    return this.#size < this.#scores.length ? Number.NEGATIVE_INFINITY : (this.#scores[this.#size - 1] as number);
  }

  add(index: number, score: number): void {
    const k = this.#scores.length;
    if (!(this.#size < k || score > this.worst)) return;
    let [low, high] = [0, this.#size];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#scores[middle] as number) >= score) low = middle + 1;
      else high = middle;
    }
    if (this.#size < k) this.#size += 1;
    this.#scores.copyWithin(low + 1, low, this.#size - 1);
    this.#indices.copyWithin(low + 1, low, this.#size - 1);
    this.#scores[low] = score;
    this.#indices[low] = index;
  }

  hits(): Hit[] {
    return Array.from({ length: this.#size }, (_, i) => ({
      index: this.#indices[i] as number,
      score: this.#scores[i] as number,
    }));
  }
}
