/**
 * Hard negatives: to each pair texts that are near it and yet not its own. Agrees with sentence-transformers'
 * mine_hard_negatives, by exact search. Q different texts, D different positives, H values of an embedding.
 */

import * as tf from '@tensorflow/tfjs-core';
import { type Embedder, OptionError } from '@uniem/core';
import { DataError, Pcg64, type Triplet } from '@uniem/data';

export interface MiningOptions {
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

const BLOCK = 64; // texts whose scores are held at once

/** @throws OptionError for a range that holds too few; DataError without pairs. */
export async function mineHardNegatives(
  embedder: Pick<Embedder, 'encode'>,
  pairs: Iterable<{ text: string; text_pos: string }>,
  options: MiningOptions = {},
): Promise<Triplet[]> {
  const positivesOf = new Map<string, Set<string>>();
  for (const { text, text_pos } of pairs) {
    const own = positivesOf.get(text) ?? new Set();
    positivesOf.set(text, own.add(text_pos));
  }
  if (positivesOf.size === 0) throw new DataError('no pairs to mine', undefined, 'give at least one');
  const texts = [...positivesOf.keys()];
  const corpus = [...new Set([...positivesOf.values()].flatMap((own) => [...own]))];
  const most = Math.max(...[...positivesOf.values()].map((own) => own.size));
  const chosen = resolve(options, most);
  const random = new Pcg64(chosen.seed);
  const queries = await embedder.encode(texts, { normalize: true });
  const documents = await embedder.encode(corpus, { normalize: true });
  const index = new Map(corpus.map((document, i) => [document, i]));
  const found: Triplet[] = [];
  const table = tf.tensor2d(joined(documents), [documents.length, documents[0]?.length ?? 0]);
  for (let start = 0; start < texts.length; start += BLOCK) {
    const scores = await scoresOf(queries.slice(start, start + BLOCK), table);
    texts.slice(start, start + BLOCK).forEach((text, i) => {
      const row = scores.subarray(i * corpus.length, (i + 1) * corpus.length);
      const own = [...(positivesOf.get(text) as Set<string>)].map((positive) => index.get(positive) as number);
      const negatives = negativesOf(row, own, most, chosen, random);
      for (const positive of own) {
        for (const negative of negatives) {
          found.push({ text, text_pos: corpus[positive] as string, text_neg: corpus[negative] as string });
        }
      }
    });
  }
  table.dispose();
  return found;
}

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

/** The negatives of one text, for all its positives. */
function negativesOf(
  scores: Float32Array,
  own: readonly number[],
  mostPositives: number,
  options: Resolved,
  random: Pcg64,
): number[] {
  const { numNegatives, rangeMin, rangeMax, sampling } = options;
  const { maxScore = Number.POSITIVE_INFINITY, minScore = Number.NEGATIVE_INFINITY, margin, relativeMargin } = options;
  const least = Math.min(...own.map((index) => scores[index] as number)); // of several positives the farthest
  const isFar = (score: number) =>
    score <= maxScore &&
    score >= minScore &&
    (margin === undefined || Math.fround(score + margin) <= least) &&
    (relativeMargin === undefined || score <= least - Math.abs(least) * relativeMargin);
  const candidates = nearest(scores, rangeMax + mostPositives)
    .filter((index) => !own.includes(index) && isFar(scores[index] as number))
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

/** Indices of the highest scores, the highest first; of equal ones the lower index. */
function nearest(scores: Float32Array, count: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i] as number;
    if (found.length === count && score <= (scores[found[count - 1] as number] as number)) continue;
    let [low, high] = [0, found.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((scores[found[middle] as number] as number) >= score) low = middle + 1;
      else high = middle;
    }
    found.splice(low, 0, i);
    if (found.length > count) found.pop();
  }
  return found;
}

/** float32 [texts, D], row after row. */
async function scoresOf(queries: readonly Float32Array[], table: tf.Tensor2D): Promise<Float32Array> {
  const scores = tf.tidy(() =>
    tf.matMul(tf.tensor2d(joined(queries), [queries.length, table.shape[1]]), table, false, true),
  );
  const values = (await scores.data()) as Float32Array;
  scores.dispose();
  return values;
}

function joined(rows: readonly Float32Array[]): Float32Array {
  const width = rows[0]?.length ?? 0;
  const values = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    values.set(row, i * width);
  });
  return values;
}
