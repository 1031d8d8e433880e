/** Token states to one vector a text: every strategy is a weighted sum over the text's tokens. B texts, T tokens. */

import * as tf from '@tensorflow/tfjs';

import type { PoolingStrategy } from './config.ts';
import { OptionError } from './errors.ts';
import type { EncoderOutput } from './models/family.ts';
import { poolTokens } from './operations/pool-tokens.ts';
import { lengthsOf, type TokenBatch } from './token-batch.ts';

type TokenWeight = (position: number, length: number) => number;

const mean: TokenWeight = (_position, length) => 1 / length;

/** Weight of each token by its position in the text; each text's weights sum to 1. */
const TOKEN_WEIGHTS: Record<PoolingStrategy, TokenWeight> = {
  cls: (position) => (position === 0 ? 1 : 0),
  last_mean: mean,
  first_last_mean: mean,
  embedding_last_mean: mean,
  // SGPT's position weights (arXiv 2202.08904): later tokens of a causal model have read more.
  last_weighted: (position, length) => (2 * (position + 1)) / (length * (length + 1)),
  last_token: (position, length) => (position === length - 1 ? 1 : 0),
};

/**
 *   e[b] = Σ_t weight(t)·state[t]
 *
 * `first_last_mean` averages the embedding output and the last hidden state, `embedding_last_mean` the raw word
 * embeddings and the last hidden state; the others read the last hidden state. In sentence-transformers' words:
 * last_mean is `mean`, last_weighted `weightedmean`, last_token `lasttoken`.
 *
 * @returns float32 [B, H], not normalized.
 */
export function pool(output: EncoderOutput, batch: TokenBatch, strategy: PoolingStrategy): tf.Tensor2D {
  return tf.tidy(() => {
    const states = statesOf(output, strategy);
    return poolTokens(states, poolingWeights(batch, TOKEN_WEIGHTS[strategy]), batch);
  });
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
function poolingWeights(batch: TokenBatch, weight: TokenWeight): Float32Array {
  const weights = new Float32Array(batch.inputIds.length);
  lengthsOf(batch).forEach((length, b) => {
    const start = batch.offsets[b] as number;
    for (let t = 0; t < length; t++) weights[start + t] = weight(t, length);
  });
  return weights;
}
