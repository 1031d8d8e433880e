/** Retrieval: find each query's document among all of them. N queries, M documents, H values. */

import type { Embedder } from '@uniem/core';

export interface RetrievalMetrics {
  'mrr@10': number;
  'recall@1': number;
  'recall@10': number;
  'ndcg@10': number;
}

/** Query i's answer is document i; each query has one. */
export interface RetrievalTask {
  queries: readonly string[];
  documents: readonly string[];
}

/** Encodes both sides and ranks by cosine. */
export async function evaluateRetrieval(embedder: Embedder, task: RetrievalTask): Promise<RetrievalMetrics> {
  const queries = await embedder.encode(task.queries, { normalize: true });
  const documents = await embedder.encode(task.documents, { normalize: true });
  return retrievalMetrics(queries.map((query, i) => rankOf(query, documents, i)));
}

/** 1 plus the number of documents scored above the answer; one scored the same counts when it comes first. */
export function rankOf(query: Float32Array, documents: readonly Float32Array[], answer: number): number {
  const own = dot(query, documents[answer] as Float32Array);
  let rank = 1;
  documents.forEach((document, i) => {
    if (i === answer) return;
    const score = dot(query, document);
    if (score > own || (score === own && i < answer)) rank += 1;
  });
  return rank;
}

/** Means over the queries, from the rank of each one's answer. */
export function retrievalMetrics(ranks: readonly number[]): RetrievalMetrics {
  const mean = (gain: (rank: number) => number) => ranks.reduce((sum, rank) => sum + gain(rank), 0) / ranks.length;
  const within = (k: number, gain: (rank: number) => number) => mean((rank) => (rank <= k ? gain(rank) : 0));
  return {
    'mrr@10': within(10, (rank) => 1 / rank),
    'recall@1': within(1, () => 1),
    'recall@10': within(10, () => 1),
    'ndcg@10': within(10, (rank) => 1 / Math.log2(rank + 1)),
  };
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
