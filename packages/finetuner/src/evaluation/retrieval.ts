/** Retrieval: find each query's document among all of them. N queries, M documents, H values. */

import { type Embedder, OptionError } from '@uniem/core';

export interface RetrievalMetrics {
  'mrr@10': number;
  'recall@1': number;
  'recall@10': number;
  'ndcg@10': number;
  'map@100': number;
}

/** A query without its own list is answered by one document; every document of the same text answers it too. */
export interface RetrievalTask {
  queries: readonly string[];
  documents: readonly string[];
  /** By query the index of its document, or of several with their gains above 0. Left out, document i answers query i. */
  relevant?: readonly (number | ReadonlyMap<number, number>)[];
  /** By query the gains of relevant documents that are not among them: never found, and missed all the same. */
  unfound?: readonly (readonly number[])[];
}

/** A right document: where it stands among all, from 1 (Infinity where it is not there), and what finding it is worth. */
export interface Answer {
  rank: number;
  gain: number;
}

const BLOCK = 64; // documents that stay in the cache while every query passes over them

/**
 * Encodes both sides, each with the prompt that the model has for it, and ranks by cosine.
 *
 * @throws OptionError for a query whose answer is not there.
 */
export async function evaluateRetrieval(
  embedder: Pick<Embedder, 'encodeQuery' | 'encodeDocument'>,
  task: RetrievalTask,
): Promise<RetrievalMetrics> {
  const { queries: texts, documents } = task;
  const relevant = (task.relevant ?? texts.map((_, i) => i)).map((own) =>
    typeof own === 'number' ? new Map([[own, 1]]) : own,
  );
  const { unfound = [] } = task;
  const answered = relevant.filter(({ size }, i) => size > 0 || unfound[i]?.length);
  if (texts.length === 0 || relevant.length !== texts.length || answered.length < texts.length) {
    throw new OptionError(
      `${texts.length} queries, ${answered.length} with answers`,
      'relevant',
      'give at least one query, and one document index for each',
    );
  }
  const missing = relevant.flatMap((own) => [...own.keys()]).find((index) => documents[index] === undefined);
  if (missing !== undefined) {
    throw new OptionError(
      `no document ${missing} among ${documents.length}`,
      'relevant',
      'give an index into documents for each query',
    );
  }
  const copies = new Map<string, number[]>();
  documents.forEach((text, i) => {
    const own = copies.get(text);
    if (own) own.push(i);
    else copies.set(text, [i]);
  });
  const gains = relevant.map((own) => new Map([...own].map(([index, gain]) => [documents[index] as string, gain])));
  const answers = gains.map((own) => [...own.keys()].map((text) => copies.get(text) as number[]));
  const encoded = await embedder.encodeQuery(texts, { normalize: true });
  const ranks = ranksOf(encoded, await embedder.encodeDocument(documents, { normalize: true }), answers);
  return retrievalMetrics(
    gains.map((own, i) => [
      ...[...own.values()].map((gain, j) => ({ rank: ranks[i]?.[j] as number, gain })),
      ...(unfound[i] ?? []).map((gain) => ({ rank: Number.POSITIVE_INFINITY, gain })),
    ]),
  );
}

/**
 * Ranks from 1 of each query's answers among the documents by dot product. Of documents scored the same the lower index
 * comes first. The same text twice is one answer, ranked once: by its best copy, and its others stand nowhere.
 *
 * @param answers By query, the indices of each answer's documents of the right text, at least one.
 */
export function ranksOf(
  queries: readonly Float32Array[], // [N, H]
  documents: readonly Float32Array[], // [M, H]
  answers: readonly (readonly (readonly number[])[])[],
): number[][] {
  const best = queries.map((query, i) =>
    (answers[i] as readonly (readonly number[])[]).map((copies) => {
      const own = copies.map((index) => ({ index, score: dot(query, documents[index] as Float32Array), rank: 1 }));
      return own.reduce((a, b) => (b.score > a.score ? b : a)); // of equal ones the first, whose index is the lowest
    }),
  );
  const nowhere = best.map((own, i) => {
    const kept = new Set(own.map(({ index }) => index));
    return new Set(answers[i]?.flat().filter((index) => !kept.has(index)));
  });
  for (let start = 0; start < documents.length; start += BLOCK) {
    const end = Math.min(start + BLOCK, documents.length);
    queries.forEach((query, i) => {
      const own = best[i] as (typeof best)[number];
      const out = nowhere[i] as ReadonlySet<number>;
      for (let j = start; j < end; j++) {
        if (out.size > 0 && out.has(j)) continue;
        const score = dot(query, documents[j] as Float32Array);
        for (const answer of own) {
          if (score > answer.score || (score === answer.score && j < answer.index)) answer.rank += 1;
        }
      }
    });
  }
  return best.map((own) => own.map(({ rank }) => rank));
}

/** Means over the queries, from each one's answers. Those of pytrec_eval, whose nDCG takes gains as they are. */
export function retrievalMetrics(queries: readonly (readonly Answer[])[]): RetrievalMetrics {
  const sorted = queries.map((own) => [...own].sort((a, b) => a.rank - b.rank));
  const mean = (measure: (own: readonly Answer[]) => number) =>
    sorted.reduce((sum, own) => sum + measure(own), 0) / sorted.length;
  const recall = (k: number) => mean((own) => own.filter(({ rank }) => rank <= k).length / own.length);
  const dcg = (own: readonly Answer[]) =>
    own.reduce((sum, { rank, gain }) => sum + (rank <= 10 ? gain / Math.log2(rank + 1) : 0), 0);
  const ideal = (own: readonly Answer[]) =>
    dcg(
      own
        .map(({ gain }) => gain)
        .sort((a, b) => b - a)
        .map((gain, i) => ({ gain, rank: i + 1 })),
    );
  return {
    'mrr@10': mean(([first]) => (first && first.rank <= 10 ? 1 / first.rank : 0)),
    'recall@1': recall(1),
    'recall@10': recall(10),
    'ndcg@10': mean((own) => dcg(own) / ideal(own)),
    'map@100': mean(
      (own) => own.reduce((sum, { rank }, i) => sum + (rank <= 100 ? (i + 1) / rank : 0), 0) / own.length,
    ),
  };
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
