/** Token states to one vector a text: weighted sums over the text's tokens, or their maxima. B texts, T tokens. */

import * as tf from '@tensorflow/tfjs-core';
import { OptionError } from '../errors.ts';
import type { PoolingStrategy } from '../names.ts';
import { hasKernel, runKernel } from '../operations/differentiable.ts';
import { maxTokens } from '../operations/max-tokens.ts';
import { poolTokens } from '../operations/pool-tokens.ts';
import { lengthsOf, packTokens, type TokenBatch } from '../tokenizer/token-batch.ts';
import type { EncoderOutput } from './family.ts';

/** The text's tokens before `from` are not pooled. */
type TokenWeight = (position: number, length: number, from: number) => number;

const mean: TokenWeight = (_position, length, from) => 1 / (length - from);

/** Weight of each pooled token by its position in the text. */
const TOKEN_WEIGHTS: Record<Exclude<PoolingStrategy, 'last_max'>, TokenWeight> = {
  cls: (position, _length, from) => (position === from ? 1 : 0),
  last_mean: mean,
  first_last_mean: mean,
  embedding_last_mean: mean,
  // SGPT's position weights (arXiv 2202.08904): later tokens of a causal model have read more.
  last_weighted: (position, length, from) => (2 * (position + 1)) / (length * (length + 1) - from * (from + 1)),
  last_token: (position, length) => (position === length - 1 ? 1 : 0),
  last_mean_sqrt_len: (_position, length, from) => 1 / Math.sqrt(length - from),
};

/**
 *   e[b] = Σ_t weight(t)·state[t]        last_max: e[b] = max_t state[t]
 *
 * `first_last_mean` averages the embedding output and the last hidden state, `embedding_last_mean` the raw word
 * embeddings and the last hidden state; the others read the last hidden state. In sentence-transformers' words:
 * last_mean is `mean`, last_weighted `weightedmean`, last_token `lasttoken`, last_max `max`, last_mean_sqrt_len
 * `mean_sqrt_len_tokens`. Several strategies give their vectors one after the other.
 *
 * @param skip Tokens at a text's start, such as a prompt's, that are not pooled; its last token always is.
 * @returns float32 [B, H·strategies], not normalized.
 */
export function pool(
  output: EncoderOutput,
  batch: TokenBatch,
  strategies: PoolingStrategy | readonly PoolingStrategy[],
  skip = 0,
): tf.Tensor2D {
  return tf.tidy(() => {
    const vectors = [strategies].flat().map((strategy) => {
      const states = statesOf(output, strategy as PoolingStrategy);
      if (hasKernel('Pool')) return runKernel<tf.Tensor2D>('Pool', { states }, { strategy, skip });
      if (strategy === 'last_max') return skip === 0 ? maxTokens(states, batch) : maxOfRest(states, batch, skip);
      return poolTokens(
        states,
        poolingWeights(batch, TOKEN_WEIGHTS[strategy as keyof typeof TOKEN_WEIGHTS], skip),
        batch,
      );
    });
    return vectors.length === 1 ? (vectors[0] as tf.Tensor2D) : tf.concat(vectors, 1);
  });
}

function maxOfRest(states: tf.Tensor2D, batch: TokenBatch, skip: number): tf.Tensor2D {
  const kept = lengthsOf(batch).map((length, b) => {
    const from = Math.max(0, Math.min(skip, length - 1));
    return Array.from({ length: length - from }, (_, t) => (batch.offsets[b] as number) + from + t);
  });
  return maxTokens(tf.gather(states, kept.flat()), packTokens(kept));
}

function statesOf({ words, first, last }: EncoderOutput, strategy: PoolingStrategy): tf.Tensor2D {
  if (strategy !== 'first_last_mean' && strategy !== 'embedding_last_mean') return last;
  const other = strategy === 'first_last_mean' ? first : words;
  if (other.shape[1] !== last.shape[1]) {
    throw new OptionError(
      `${strategy} cannot average embeddings of ${other.shape[1]} values with states of ${last.shape[1]}`,
      'poolingStrategy',
      'use last_mean, which reads the last hidden state alone',
    );
  }
  return tf.mul(tf.add(other, last), 0.5);
}

/** float32 [T] */
function poolingWeights(batch: TokenBatch, weight: TokenWeight, skip: number): Float32Array {
  const weights = new Float32Array(batch.inputIds.length);
  lengthsOf(batch).forEach((length, b) => {
    const start = batch.offsets[b] as number;
    const from = Math.max(0, Math.min(skip, length - 1));
    for (let t = from; t < length; t++) weights[start + t] = weight(t, length, from);
  });
  return weights;
}
