/** An export beside this library: texts of several kinds, and how near the vectors must be. */

import { type Embedder, ModelError } from '@uniem/core';

/** Short, long, empty of words, and of several scripts. */
const TEXTS = [
  'The weather is lovely today.',
  'bank',
  'How do I reset my password?',
  'To change your password, open the settings page, choose security, and follow the link that is sent to you.',
  'La capitale de la France est Paris.',
  '今天天气很好，我们去公园散步吧。',
  'Definition: a small domesticated carnivorous mammal with soft fur, kept as a pet or for catching mice.',
  '42 + 17 = 59',
];

/** Token ids of the texts, no prompt before them, and the vectors that `encode` gives. */
export async function referenceVectors(embedder: Embedder): Promise<{ ids: Int32Array[]; vectors: Float32Array[] }> {
  const ids = TEXTS.map((text) => embedder.tokenizer.encode(text, embedder.maxLength));
  const vectors = await embedder.encode(TEXTS, { prompt: '', progressBar: false });
  return { ids, vectors };
}

/**
 * The least cosine of a vector to its reference.
 *
 * @param actual float32 [B, values]
 * @param where The file that gave them.
 * @throws ModelError where it is below `least`.
 */
export function requireCosine(
  actual: Float32Array,
  expected: readonly Float32Array[],
  least: number,
  where: string,
): number {
  const width = actual.length / expected.length;
  const cosines = expected.map((row, b) => cosine(row, actual.subarray(b * width, (b + 1) * width)));
  const worst = Math.min(...cosines);
  if (worst >= least) return worst;
  throw new ModelError(
    `gives vectors of cosine ${worst.toFixed(5)} to this library's, less than ${least}; nothing was written`,
    where,
    'use another precision; if it is fp32, report the model as a bug',
  );
}

/** NaN, which is less than nothing, where one of the two is. */
function cosine(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new Error(`internal: vectors of ${a.length} and ${b.length} values`);
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  return dot / Math.sqrt(aa * bb);
}
