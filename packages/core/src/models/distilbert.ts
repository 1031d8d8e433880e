/** DistilBERT: BERT without token types, under names of its own. Agrees with transformers' modeling_distilbert.py. */

import { z } from 'zod';

import { activation } from '../operations/activation.ts';
import {
  count,
  type EncoderOutput,
  type Family,
  layerCount,
  multiple,
  probability,
  type Run,
  width,
} from './family.ts';
import { Shapes } from './layers.ts';
import { type PostNormNames, postNormLayers, postNormShapes } from './post-norm.ts';
import { embedTokens, tokenEmbeddingShapes } from './token-embeddings.ts';

const schema = z
  .looseObject({
    vocab_size: count,
    dim: width,
    n_layers: layerCount,
    n_heads: count,
    hidden_dim: count,
    max_position_embeddings: count.default(512),
    activation: activation.default('gelu'),
    dropout: probability.default(0.1),
    attention_dropout: probability.default(0.1),
  })
  .check(multiple('dim', 'n_heads'))
  .transform((c) => ({
    vocabSize: c.vocab_size,
    hiddenSize: c.dim,
    embeddingSize: c.dim,
    layers: c.n_layers,
    heads: c.n_heads,
    intermediateSize: c.hidden_dim,
    positionRows: c.max_position_embeddings,
    positionOffset: 0,
    maxPositions: c.max_position_embeddings,
    tokenTypes: 0,
    activation: c.activation,
    dropout: { embedding: c.dropout, hidden: c.dropout, attention: c.attention_dropout },
    layerNormEps: 1e-12,
  }));

type DistilBertConfig = z.output<typeof schema>;

const NAMES: PostNormNames = {
  query: 'attention.q_lin',
  key: 'attention.k_lin',
  value: 'attention.v_lin',
  attentionOutput: 'attention.out_lin',
  attentionNorm: 'sa_layer_norm',
  intermediate: 'ffn.lin1',
  output: 'ffn.lin2',
  outputNorm: 'output_layer_norm',
  undropped: 'attentionOutput',
};

export const distilbert: Family<DistilBertConfig> = {
  prefix: 'distilbert',
  schema,
  shapes,
  optional: () => new Set(),
  forward,
};

const at = (layer: number) => `transformer.layer.${layer}`;

function shapes(config: DistilBertConfig): Shapes {
  const all = new Shapes();
  tokenEmbeddingShapes(all, config);
  for (let layer = 0; layer < config.layers; layer++) postNormShapes(all, NAMES, at(layer), config);
  return all;
}

function forward(config: DistilBertConfig, run: Run): EncoderOutput {
  const { words, embedded } = embedTokens(config, run);
  return { words, first: embedded, last: postNormLayers(config, NAMES, at, run, embedded) };
}
