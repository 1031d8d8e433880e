/**
 * Dot products of all queries with all documents, block by block, as matrix products on the engine. Those are sums of
 * float32 in an order of the engine's own, so each comes with a bound of its error: whoever must know more exactly than
 * that asks for `exact`, the sum in float64 in the order of the values. N queries, M documents, H values.
 */

import * as tf from '@tensorflow/tfjs-core';

import { ensureEngine } from '../engine/engine.ts';
import { OptionError } from '../errors.ts';
import type { VectorSource } from './vector-source.ts';

/** Bytes of vectors and scores that a search holds at once. */
export const SEARCH_MEMORY = 256 * 2 ** 20;

/** Documents a block: a larger one makes the product no faster. */
const DOCUMENTS = 4096;

/** The scores of some queries with some documents. */
export interface ScoreBlock {
  /** The first query and the first document. */
  firstQuery: number;
  firstDocument: number;
  queries: number;
  documents: number;
  /** float32 [queries, documents] */
  scores: Float32Array;
  /** How far the scores of a query, counted from the block's first, may be off. */
  errorOf(query: number): number;
  /** The score itself, of a query and a document counted from the block's first. */
  exact(query: number, document: number): number;
}

/**
 * Every document with some queries, then with the next.
 *
 * @param memory Bytes held at once: it decides how many queries share a pass over the documents.
 * @throws OptionError where the two have vectors of different lengths.
 */
export async function* scoreBlocks(
  queries: VectorSource,
  documents: VectorSource,
  memory = SEARCH_MEMORY,
): AsyncGenerator<ScoreBlock> {
  if (queries.length === 0 || documents.length === 0) return;
  const H = queries.dimension;
  if (documents.dimension !== H) {
    throw new OptionError(
      `the queries have ${H} values, the documents ${documents.dimension}`,
      'search',
      'encode both with one model and one truncateDim',
    );
  }
  await ensureEngine();
  const [Q, D] = blockSizes(queries.length, documents.length, H, memory);
  for (let firstQuery = 0; firstQuery < queries.length; firstQuery += Q) {
    const asked = await queries.read(firstQuery, Math.min(firstQuery + Q, queries.length));
    const rows = asked.length / H;
    const norms = normsOf(asked, H);
    const left = tf.tensor2d(asked, [rows, H]);
    try {
      for (let firstDocument = 0; firstDocument < documents.length; firstDocument += D) {
        const given = await documents.read(firstDocument, Math.min(firstDocument + D, documents.length));
        const longest = normsOf(given, H).reduce((a, b) => Math.max(a, b || 0), 0);
        yield {
          firstQuery,
          firstDocument,
          queries: rows,
          documents: given.length / H,
          scores: await product(left, given),
          errorOf: (query) => (H + 2) * 2 ** -24 * (norms[query] as number) * longest * 1.01,
          exact: (query, document) => dot(asked, query * H, given, document * H, H),
        };
      }
    } finally {
      left.dispose();
    }
  }
}

/** Σ a·b in float64, from the first value to the last. */
export function dot(a: Float32Array, atA: number, b: Float32Array, atB: number, H: number): number {
  let sum = 0;
  for (let i = 0; i < H; i++) sum += (a[atA + i] as number) * (b[atB + i] as number);
  return sum;
}

/** @param given [documents, H] @returns [queries, documents] */
async function product(left: tf.Tensor2D, given: Float32Array): Promise<Float32Array> {
  const H = left.shape[1];
  const scores = tf.tidy(() => tf.matMul(left, tf.tensor2d(given, [given.length / H, H]), false, true));
  const values = (await scores.data()) as Float32Array;
  scores.dispose();
  return values;
}

/** As many queries at once as the memory holds with their scores, since every block of them reads all documents. */
function blockSizes(N: number, M: number, H: number, memory: number): [queries: number, documents: number] {
  const documents = Math.min(M, DOCUMENTS, Math.max(1, Math.floor(memory / 4 / (12 * H)))); // vectors, read and copied
  const queries = Math.floor((memory - 12 * H * documents) / (8 * documents + 12 * H)); // scores, read and copied
  return [Math.max(1, Math.min(N, queries)), documents];
}

function normsOf(vectors: Float32Array, H: number): Float64Array {
  return Float64Array.from({ length: vectors.length / H }, (_, i) => Math.sqrt(dot(vectors, i * H, vectors, i * H, H)));
}
