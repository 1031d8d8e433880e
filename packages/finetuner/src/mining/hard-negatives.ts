/**
 * Hard negatives: to each pair texts that are near it and yet not its own. Agrees with sentence-transformers'
 * mine_hard_negatives, by exact search.
 */

import { type EncodeTexts, OptionError } from '@uniem/core';
import { COUNT, INDEX, NUMBER, oneOf, requireKind, requireOptions } from '@uniem/core/arguments';
import { dot, type Hit, topK, type VectorStore } from '@uniem/core/search';
import { DataError, Pcg64, type Triplet, validateRecord } from '@uniem/data';

import { withMethods } from '../arguments.ts';

import { type EncodingOptions, encodeAll, searchMemory } from '../evaluation/encode-all.ts';

export interface MiningOptions extends EncodingOptions {
  /**
   * The texts that negatives come from, FlagEmbedding's candidate_pool; left out, the positives of all pairs. A text's
   * own positives and the text itself are never its negatives.
   */
  corpus?: Iterable<string> | undefined;
  /** Negatives of a pair; fewer where no more are left. */
  numNegatives?: number | undefined;
  /** Nearest candidates that are passed over: they may mean the same. */
  rangeMin?: number | undefined;
  /** Candidates that are looked at; left out, as many as are needed, ten times as many where some are filtered. */
  rangeMax?: number | undefined;
  /** Cosine between which negatives lie. */
  maxScore?: number | undefined;
  minScore?: number | undefined;
  /** How far a negative's cosine stays below the positive's. */
  margin?: number | undefined;
  /** The same as a share of the positive's. */
  relativeMargin?: number | undefined;
  /** The nearest, or any of the range. */
  sampling?: 'top' | 'random' | undefined;
  seed?: number | undefined;
}

/** All of minedTriplets. */
export async function mineHardNegatives(
  embedder: { encode: EncodeTexts },
  pairs: Iterable<{ text: string; text_pos: string }>,
  options: MiningOptions = {},
): Promise<Triplet[]> {
  const all: Triplet[] = [];
  for await (const triplets of minedTriplets(embedder, pairs, options)) for (const one of triplets) all.push(one);
  return all;
}

/**
 * The triplets of some texts after those of others, in the order of the pairs: none is held once it is given.
 *
 * @throws OptionError for a range that holds too few; DataError without pairs, or with a corpus of no texts.
 */
export async function* minedTriplets(
  embedder: { encode: EncodeTexts },
  pairs: Iterable<{ text: string; text_pos: string }>,
  options: MiningOptions = {},
): AsyncGenerator<Triplet[]> {
  requireKind(embedder, withMethods('encode'), 'embedder');
  requireKind(pairs, { name: 'an iterable of pairs', is: isIterable }, 'pairs');
  requireOptions(options, OPTIONS, 'mineHardNegatives');
  const positivesOf = new Map<string, Set<string>>();
  for (const pair of pairs) {
    const { text, text_pos } = validateRecord(pair, 'pair');
    const own = positivesOf.get(text) ?? new Set();
    positivesOf.set(text, own.add(text_pos));
  }
  if (positivesOf.size === 0) throw new DataError('no pairs to mine', undefined, 'give at least one');
  const texts = [...positivesOf.keys()];
  const pool = [...new Set(options.corpus ?? allPositives(positivesOf))];
  if (pool.length === 0) throw new DataError('no texts to mine from', 'corpus', 'give at least one');
  const most = [...positivesOf.values()].reduce((size, own) => Math.max(size, own.size), 0);
  const chosen = resolve(options, most);
  const random = new Pcg64(chosen.seed);
  const encode = (part: readonly string[]) => encodeAll((some, given) => embedder.encode(some, given), part, options);
  const stores: VectorStore[] = [];
  try {
    const queries = await encode(texts);
    const documents = await encode(pool);
    stores.push(queries, documents);
    const outside = options.corpus && hasMargin(options) ? await otherPositives(positivesOf, pool, encode) : undefined;
    if (outside) stores.push(outside.vectors);
    const index = new Map(pool.map((document, i) => [document, i]));
    const looked = chosen.rangeMax + most + (options.corpus ? 1 : 0); // the text itself may stand in a corpus
    let query = 0;
    for await (const part of topK(queries, documents, Math.min(looked, pool.length), searchMemory(options))) {
      const triplets: Triplet[] = [];
      for (const hits of part) {
        const text = texts[query] as string;
        const own = [...(positivesOf.get(text) as Set<string>)];
        const least = hasMargin(options) ? await leastScore(query, own) : Number.POSITIVE_INFINITY;
        const itself = options.corpus && index.get(text);
        const others = hits.filter((hit) => hit.index !== itself).slice(0, chosen.rangeMax + most);
        const negatives = negativesOf(others, new Set(own.map((one) => index.get(one))), least, chosen, random);
        for (const text_pos of own) {
          for (const negative of negatives) triplets.push({ text, text_pos, text_neg: pool[negative] as string });
        }
        query += 1;
      }
      yield triplets;
    }

    /** Of several positives the farthest one's cosine. */
    async function leastScore(at: number, own: readonly string[]): Promise<number> {
      const vector = await queries.read(at, at + 1);
      let least = Number.POSITIVE_INFINITY;
      for (const positive of own) {
        const inside = index.get(positive);
        const [store, i] =
          inside === undefined ? [outside?.vectors, outside?.index.get(positive)] : [documents, inside];
        const other = await (store as VectorStore).read(i as number, (i as number) + 1);
        least = Math.min(least, Math.fround(dot(vector, 0, other, 0, vector.length)));
      }
      return least;
    }
  } finally {
    for (const store of stores) store.close();
  }
}

const hasMargin = ({ margin, relativeMargin }: MiningOptions) => margin !== undefined || relativeMargin !== undefined;

function* allPositives(positivesOf: ReadonlyMap<string, ReadonlySet<string>>): Generator<string> {
  for (const own of positivesOf.values()) yield* own;
}

/** The positives that do not stand in the corpus: margins are measured from them too. */
async function otherPositives(
  positivesOf: ReadonlyMap<string, ReadonlySet<string>>,
  pool: readonly string[],
  encode: (texts: readonly string[]) => Promise<VectorStore>,
) {
  const known = new Set(pool);
  const texts = [...new Set(allPositives(positivesOf))].filter((positive) => !known.has(positive));
  return { vectors: await encode(texts), index: new Map(texts.map((text, i) => [text, i])) };
}

const isIterable = (value: unknown) => typeof (value as Iterable<unknown> | null)?.[Symbol.iterator] === 'function';

const OPTIONS = {
  corpus: { name: 'an iterable of texts', is: isIterable },
  memory: COUNT,
  batchSize: COUNT,
  progressBar: oneOf(true, false, 'auto'),
  numNegatives: COUNT,
  rangeMin: INDEX,
  rangeMax: COUNT,
  maxScore: NUMBER,
  minScore: NUMBER,
  margin: NUMBER,
  relativeMargin: NUMBER,
  sampling: oneOf('top', 'random'),
  seed: INDEX,
};

type Resolved = ReturnType<typeof resolve>;

function resolve(options: MiningOptions, mostPositives: number) {
  const { numNegatives = 3, rangeMin = 0, sampling = 'top', seed = 42 } = options;
  const filtered = [options.margin, options.relativeMargin, options.maxScore].some((value) => value !== undefined);
  const { rangeMax = rangeMin + numNegatives * (filtered ? 10 : 1) + mostPositives } = options;
  if (numNegatives > rangeMax - rangeMin) {
    throw new OptionError(
      `${numNegatives} negatives are not to be had between ${rangeMin} and ${rangeMax}`,
      'rangeMax',
      'raise rangeMax, or lower rangeMin or numNegatives',
    );
  }
  return { ...options, numNegatives, rangeMin, rangeMax, sampling, seed };
}

/** The negatives of one text, for all its positives. @param own Numbers of the text's positives. @param least Their least score. */
function negativesOf(
  hits: readonly Hit[],
  own: ReadonlySet<number | undefined>,
  least: number,
  options: Resolved,
  random: Pcg64,
): number[] {
  const { numNegatives, rangeMin, rangeMax, sampling } = options;
  const { maxScore = Number.POSITIVE_INFINITY, minScore = Number.NEGATIVE_INFINITY, margin, relativeMargin } = options;
  const isFar = (score: number) =>
    score <= maxScore &&
    score >= minScore &&
    (margin === undefined || Math.fround(score + margin) <= least) &&
    (relativeMargin === undefined || score <= least - Math.abs(least) * relativeMargin);
  const candidates = hits
    .filter(({ index, score }) => !own.has(index) && isFar(Math.fround(score)))
    .map(({ index }) => index)
    .slice(0, rangeMax)
    .slice(rangeMin);
  const drawn = sampling === 'top' ? candidates : draw(candidates, numNegatives, random);
  return drawn.slice(0, numNegatives);
}

/** Some of the candidates, in their order. */
function draw(candidates: readonly number[], count: number, random: Pcg64): number[] {
  const kept = new Set(random.permutation(candidates.length).subarray(0, count));
  return candidates.filter((_, i) => kept.has(i));
}
