/** Loss and gradients of a batch of records: in one pass, or part by part where gradCacheTokens says so. */

import { dropoutState, type Embedder, type Parameters } from '@uniem/core';
import type { RecordBatch } from '../batches/records.ts';
import { batchLoss, embeddingsLoss } from '../losses/losses.ts';
import type { ResolvedFinetuneOptions } from '../options.ts';
import { type CachedPass, cachedGradients } from './grad-cache.ts';
import { type Gradients, gradientsOf } from './trainer.ts';

/** Dropout places that a part of a batch has for itself; a model has some hundred. */
const PART_PLACES = 2 ** 16;

/** @param pass Decides the dropout masks. */
export function batchGradients(
  embedder: Embedder,
  batch: RecordBatch,
  options: ResolvedFinetuneOptions,
  variables: Parameters,
  pass: number,
): Gradients {
  const { gradCacheTokens: tokensAtOnce, gradientCheckpointing } = options;
  const dropout = dropoutState(options.seed, pass);
  if (tokensAtOnce === undefined) {
    return embedder.compute(() => gradientsOf(() => batchLoss(embedder, batch, options, dropout), variables));
  }
  const { seed } = dropout;
  const parts: CachedPass = {
    tokens: batch.tokens,
    tokensAtOnce,
    embed: (part, i) => embedder.embed(part, { seed, place: i * PART_PLACES }, gradientCheckpointing),
    loss: (embeddings) => embeddingsLoss(embedder, embeddings, batch, options),
  };
  return embedder.compute(() => cachedGradients(parts, variables));
}
