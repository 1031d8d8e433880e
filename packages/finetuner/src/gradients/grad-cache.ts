/**
 * The gradient of a batch whose activations would not fit into memory, part by part. Source: GradCache, arXiv 2101.06983.
 * Only embeddings are held of the whole batch: in-batch negatives are as many as in one pass, and so is the gradient.
 */

import * as tf from '@tensorflow/tfjs-core';
import type { TokenBatch } from '@uniem/core';

import { type Gradients, gradientsOf, sumGradients } from './trainer.ts';

export interface CachedPass {
  tokens: TokenBatch;
  /** Tokens of a part; a longer text is a part of its own. */
  tokensAtOnce: number;
  /** float32 [texts of the part, H]; the same for a part both times it is asked, dropout included. */
  embed: (part: TokenBatch, index: number) => tf.Tensor2D;
  /** Scalar loss of the embeddings of all texts, [texts, H]. */
  loss: (embeddings: tf.Tensor2D) => tf.Scalar;
}

/** As `gradientsOf` gives it for the whole batch in one pass. */
export function cachedGradients(pass: CachedPass, variables: ReadonlyMap<string, tf.Variable>): Gradients {
  const parts = partsOf(pass.tokens, pass.tokensAtOnce);
  const { value, byEmbedding } = tf.tidy(() => {
    const embeddings = tf.concat(
      parts.map((part, i) => tf.tidy(() => pass.embed(part, i))),
      0,
    ) as tf.Tensor2D;
    const { value, grad } = tf.valueAndGrad((x) => pass.loss(x as tf.Tensor2D))(embeddings);
    return { value: value as tf.Scalar, byEmbedding: grad as tf.Tensor2D };
  });
  const gradients = new Map<string, tf.Tensor>();
  let start = 0;
  for (const [i, part] of parts.entries()) {
    const texts = part.offsets.length - 1;
    // The gradient of Σ embedding·weight by the parameters is what the loss's gradient by the embedding makes of theirs.
    const surrogate = () =>
      tf.sum(tf.mul(pass.embed(part, i), tf.slice(byEmbedding, [start, 0], [texts, -1]))) as tf.Scalar;
    const share = gradientsOf(surrogate, variables, [value, byEmbedding, ...gradients.values()]);
    share.value.dispose();
    sumGradients(gradients, share.gradients);
    start += texts;
  }
  byEmbedding.dispose();
  return { value, gradients };
}

/** Whole texts in their order, as many as the tokens allow. */
export function partsOf({ inputIds, offsets }: TokenBatch, tokensAtOnce: number): TokenBatch[] {
  const parts: TokenBatch[] = [];
  const texts = offsets.length - 1;
  for (let begin = 0; begin < texts; ) {
    const from = offsets[begin] as number;
    let end = begin + 1;
    while (end < texts && (offsets[end + 1] as number) - from <= tokensAtOnce) end++;
    parts.push({
      inputIds: inputIds.slice(from, offsets[end]),
      offsets: offsets.slice(begin, end + 1).map((offset) => offset - from),
    });
    begin = end;
  }
  return parts;
}
