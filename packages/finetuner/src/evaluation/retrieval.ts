/** Retrieval: find each query's document among all of them. N queries, M documents, H values. */

import { type EncodeTexts, OptionError } from '@uniem/core';
import { INDEX, OBJECT, requireKind, requireList, TEXT } from '@uniem/core/arguments';
import { dot, scoreBlocks, type VectorSource } from '@uniem/core/search';

import { withMethods } from '../arguments.ts';
import { type EncodingOptions, encodeAll, searchMemory } from './encode-all.ts';
import { type Quantization, quantizedRanks } from './quantized-ranks.ts';

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

export interface RetrievalOptions extends EncodingOptions {
  /** Documents are searched by their codes, and the candidates found scored again; left out, by their vectors. */
  quantization?: Quantization | undefined;
}

/** A right document: where it stands among all, from 1 (Infinity where it is not there), and what finding it is worth. */
export interface Answer {
  rank: number;
  gain: number;
}

/**
 * Encodes both sides, each with the prompt that the model has for it, and ranks by cosine.
 *
 * @throws OptionError for a query whose answer is not there.
 */
export async function evaluateRetrieval(
  embedder: { encodeQuery: EncodeTexts; encodeDocument: EncodeTexts },
  task: RetrievalTask,
  options: RetrievalOptions = {},
): Promise<RetrievalMetrics> {
  requireKind(embedder, withMethods('encodeQuery', 'encodeDocument'), 'embedder');
  requireKind(task, OBJECT, 'task');
  requireList(task.queries, TEXT, 'queries');
  requireList(task.documents, TEXT, 'documents');
  const ANSWER = {
    name: 'an index, or a Map of gains by index',
    is: (value: unknown) => INDEX.is(value) || value instanceof Map,
  };
  const GAINS = {
    name: 'a list of gains above 0',
    is: (value: unknown) => Array.isArray(value) && value.every((gain) => Number.isFinite(gain) && gain > 0),
  };
  if (task.relevant !== undefined) requireList(task.relevant, ANSWER, 'relevant');
  if (task.unfound !== undefined) requireList(task.unfound, GAINS, 'unfound');
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
  const encoded = await encodeAll((part, given) => embedder.encodeQuery(part, given), texts, options);
  const searched = await encodeAll((part, given) => embedder.encodeDocument(part, given), documents, options);
  try {
    const { quantization } = options;
    const ranks = quantization
      ? await quantizedRanks(encoded, searched, answers, { ...quantization, memory: searchMemory(options) })
      : await ranksOf(encoded, searched, answers, searchMemory(options));
    return retrievalMetrics(
      gains.map((own, i) => [
        ...[...own.values()].map((gain, j) => ({ rank: ranks[i]?.[j] as number, gain })),
        ...(unfound[i] ?? []).map((gain) => ({ rank: Number.POSITIVE_INFINITY, gain })),
      ]),
    );
  } finally {
    encoded.close();
    searched.close();
  }
}

/**
 * Ranks from 1 of each query's answers among the documents by dot product. Of documents scored the same the lower index
 * comes first. The same text twice is one answer, ranked once: by its best copy, and its others stand nowhere.
 *
 * @param queries N vectors of H values.
 * @param documents M vectors of H values.
 * @param answers By query, the indices of each answer's documents of the right text, at least one.
 * @param memory Bytes of vectors and scores held at once.
 */
export async function ranksOf(
  queries: VectorSource,
  documents: VectorSource,
  answers: readonly (readonly (readonly number[])[])[],
  memory?: number,
): Promise<number[][]> {
  const best: Ranked[][] = [];
  for (const [i, own] of answers.entries()) {
    const query = await queries.read(i, i + 1);
    const ranked: Ranked[] = [];
    for (const copies of own) ranked.push(await bestCopy(query, documents, copies));
    best.push(ranked);
  }
  const nowhere = best.map((own, i) => {
    const kept = new Set(own.map(({ index }) => index));
    return [...new Set(answers[i]?.flat().filter((index) => !kept.has(index)))];
  });
  for await (const { firstQuery, firstDocument, ...block } of scoreBlocks(queries, documents, memory)) {
    const { scores, documents: D } = block;
    for (let query = 0; query < block.queries; query++) {
      const error = block.errorOf(query);
      const isAhead = (document: number, { index, score }: Ranked) => {
        const found = block.exact(query, document);
        return found > score || (found === score && firstDocument + document < index);
      };
      for (const answer of best[firstQuery + query] as Ranked[]) {
        const [low, high] = [answer.score - error, answer.score + error];
        let ahead = 0;
        for (let document = 0, at = query * D; document < D; document++, at++) {
          const score = scores[at] as number;
          if (score > high || (score >= low && isAhead(document, answer))) ahead += 1;
        }
        for (const index of nowhere[firstQuery + query] as number[]) {
          const document = index - firstDocument;
          if (document >= 0 && document < D && isAhead(document, answer)) ahead -= 1;
        }
        answer.rank += ahead;
      }
    }
  }
  return best.map((own) => own.map(({ rank }) => rank));
}

interface Ranked {
  index: number;
  score: number;
  rank: number;
}

async function bestCopy(query: Float32Array, documents: VectorSource, copies: readonly number[]): Promise<Ranked> {
  const own: Ranked[] = [];
  for (const index of copies) {
    const document = await documents.read(index, index + 1);
    own.push({ index, score: dot(query, 0, document, 0, query.length), rank: 1 });
  }
  return own.reduce((a, b) => (b.score > a.score ? b : a)); // of equal ones the first, whose index is the lowest
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
