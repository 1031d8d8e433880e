/** Retrieval: find each query's document among all of them. N queries, M documents, H values. */

import { type Embedder, OptionError } from '@uniem/core';

export interface RetrievalMetrics {
  'mrr@10': number;
  'recall@1': number;
  'recall@10': number;
  'ndcg@10': number;
  'map@100': number;
}

/** Document `relevant[i]` answers query i, and so does every document of the same text. */
export interface RetrievalTask {
  queries: readonly string[];
  documents: readonly string[];
  /** Left out, document i answers query i. */
  relevant?: readonly number[];
}

const BLOCK = 64; // documents that stay in the cache while every query passes over them

/** Encodes both sides and ranks by cosine. @throws OptionError for a query whose answer is not there. */
export async function evaluateRetrieval(
  embedder: Pick<Embedder, 'encode'>,
  task: RetrievalTask,
): Promise<RetrievalMetrics> {
  const relevant = task.relevant ?? task.queries.map((_, i) => i);
  if (task.queries.length === 0 || relevant.length !== task.queries.length) {
    throw new OptionError(
      `${task.queries.length} queries and ${relevant.length} answers`,
      'relevant',
      'give at least one query, and one document index for each',
    );
  }
  const missing = relevant.find((index) => task.documents[index] === undefined);
  if (missing !== undefined) {
    throw new OptionError(
      `no document ${missing} among ${task.documents.length}`,
      'relevant',
      'give an index into documents for each query',
    );
  }
  const queries = await embedder.encode(task.queries, { normalize: true });
  const documents = await embedder.encode(task.documents, { normalize: true });
  const indices = new Map<string, number[]>();
  task.documents.forEach((text, i) => {
    indices.set(text, [...(indices.get(text) ?? []), i]);
  });
  const answers = relevant.map((index) => indices.get(task.documents[index] as string) as number[]);
  return retrievalMetrics(ranksOf(queries, documents, answers));
}

/**
 * Ranks from 1, one a query: the best of its answers among the documents by dot product. Of documents scored the same
 * the lower index comes first. The same text twice is one answer, so it is ranked once: by its best copy.
 *
 * @param answers Indices of each query's documents of the right text, at least one a query.
 */
export function ranksOf(
  queries: readonly Float32Array[], // [N, H]
  documents: readonly Float32Array[], // [M, H]
  answers: readonly (readonly number[])[],
): number[] {
  const best = queries.map((query, i) => {
    const own = (answers[i] as readonly number[]).map((index) => ({
      index,
      score: dot(query, documents[index] as Float32Array),
    }));
    return own.reduce((a, b) => (b.score > a.score ? b : a)); // of equal ones the first, whose index is the lowest
  });
  const ranks = new Array<number>(queries.length).fill(1);
  for (let start = 0; start < documents.length; start += BLOCK) {
    const end = Math.min(start + BLOCK, documents.length);
    queries.forEach((query, i) => {
      const { index, score: own } = best[i] as { index: number; score: number };
      for (let j = start; j < end; j++) {
        if (j === index) continue;
        const score = dot(query, documents[j] as Float32Array);
        if (score > own || (score === own && j < index)) ranks[i] = (ranks[i] as number) + 1;
      }
    });
  }
  return ranks;
}

/** Means over the queries, from the rank of each one's answer; a query has one, so nDCG's ideal gain is 1 and the average precision 1 / rank. */
export function retrievalMetrics(ranks: readonly number[]): RetrievalMetrics {
  const mean = (gain: (rank: number) => number) => ranks.reduce((sum, rank) => sum + gain(rank), 0) / ranks.length;
  const within = (k: number, gain: (rank: number) => number) => mean((rank) => (rank <= k ? gain(rank) : 0));
  return {
    'mrr@10': within(10, (rank) => 1 / rank),
    'recall@1': within(1, () => 1),
    'recall@10': within(10, () => 1),
    'ndcg@10': within(10, (rank) => 1 / Math.log2(rank + 1)),
    'map@100': within(100, (rank) => 1 / rank),
  };
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
