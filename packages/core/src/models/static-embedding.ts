/**
 * A table of word embeddings and nothing above it: sentence-transformers' StaticEmbedding. It has no config.json, so it
 * is in no table of families; its config is made of the table's shape.
 */

import { z } from 'zod';

import { count, type EncoderConfig, type EncoderOutput, type Family, type Run } from './family.ts';
import { rows, Shapes } from './layers.ts';

export const STATIC_EMBEDDING = 'static_embedding';

interface StaticConfig extends EncoderConfig {
  vocabSize: number;
}

const schema = z.looseObject({ vocab_size: count, hidden_size: count }).transform((c) => ({
  vocabSize: c.vocab_size,
  hiddenSize: c.hidden_size,
  maxPositions: Number.POSITIVE_INFINITY,
  dropout: { embedding: 0, hidden: 0, attention: 0 },
}));

export const staticEmbedding: Family<StaticConfig> = { prefix: '', schema, shapes, optional: () => new Set(), forward };

function shapes(config: StaticConfig): Shapes {
  const all = new Shapes();
  all.table('embedding', config.vocabSize, config.hiddenSize);
  return all;
}

function forward(_config: StaticConfig, { parameters, batch }: Run): EncoderOutput {
  const words = rows(parameters, 'embedding', batch.inputIds);
  return { words, first: words, last: words };
}
