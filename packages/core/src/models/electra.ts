/**
 * ELECTRA: BERT whose embeddings may be narrower than its layers. Agrees with transformers'
 * models/electra/modeling_electra.py.
 */

import type { z } from 'zod';

import { BERT_NAMES, bertConfig, bertKeys } from './bert.ts';
import { count, type EncoderOutput, type Family, multiple, type Run } from './family.ts';
import { dense, Shapes } from './layers.ts';
import { postNormLayers, postNormShapes } from './post-norm.ts';
import { embedTokens, tokenEmbeddingShapes } from './token-embeddings.ts';

const schema = bertKeys
  .extend({ embedding_size: count.default(128) })
  .check(multiple('hidden_size', 'num_attention_heads'))
  .transform((c) => ({ ...bertConfig(c), embeddingSize: c.embedding_size }));

type ElectraConfig = z.output<typeof schema>;

export const electra: Family<ElectraConfig> = { prefix: 'electra', schema, shapes, optional: () => new Set(), forward };

const at = (layer: number) => `encoder.layer.${layer}`;

function shapes(config: ElectraConfig): Shapes {
  const all = new Shapes();
  const { hiddenSize: H, embeddingSize: E } = config;
  tokenEmbeddingShapes(all, config);
  if (E !== H) all.dense('embeddings_project', H, E);
  for (let layer = 0; layer < config.layers; layer++) postNormShapes(all, BERT_NAMES, at(layer), config);
  return all;
}

function forward(config: ElectraConfig, run: Run): EncoderOutput {
  const { words, embedded } = embedTokens(config, run);
  const projected = config.embeddingSize !== config.hiddenSize;
  const first = projected ? dense(run.parameters, 'embeddings_project', embedded) : embedded;
  return { words, first, last: postNormLayers(config, BERT_NAMES, at, run, first) };
}
