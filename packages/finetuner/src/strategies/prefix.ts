/** Prefix training, as uniem's: new special tokens before every text, and only their embeddings train. */

import * as tf from '@tensorflow/tfjs-core';
import { addedRows, type Embedder, OptionError } from '@uniem/core';
import { Pcg64 } from '@uniem/data';

import type { ResolvedFinetuneOptions } from '../options.ts';
import type { Strategy } from './strategy.ts';

/** Standard deviation of a new embedding: BERT's initializer_range, to which transformers resizes. */
const DEVIATION = 0.02;

/** @throws OptionError without tokens, or for one that the tokenizer has. */
export function prefix(embedder: Embedder, options: Pick<ResolvedFinetuneOptions, 'prefixTokens' | 'seed'>): Strategy {
  const { prefixTokens: tokens, seed } = options;
  if (tokens.length === 0) {
    throw new OptionError('strategy prefix needs tokens', 'prefixTokens', "give new tokens, as ['[query]']");
  }
  const removeTokens = embedder.addSpecialTokens(tokens);
  const name = embedder.wordEmbeddings;
  const table = embedder.parameters.get(`${name}.weight`) as tf.Variable;
  const columns = table.shape[1] as number;
  const random = new Pcg64(seed);
  const values = Float32Array.from({ length: tokens.length * columns }, () => DEVIATION * normal(random));
  const added = tf.tidy(() => tf.variable(tf.tensor2d(values, [tokens.length, columns])));
  embedder.parameters.set(addedRows(name), added);
  return {
    variables: new Map([[addedRows(name), added]]),
    prefix: tokens.join(''),
    finish: () => embedder.adoptAddedRows(),
    undo() {
      embedder.parameters.delete(addedRows(name));
      added.dispose();
      removeTokens();
    },
  };
}

/** Box and Muller's transform. */
function normal(random: Pcg64): number {
  return Math.sqrt(-2 * Math.log(1 - random.random())) * Math.cos(2 * Math.PI * random.random());
}
