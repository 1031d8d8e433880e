/** BERT: absolute positions, token types, post-norm. Agrees with transformers' models/bert/modeling_bert.py. */

import { z } from 'zod';

import { activation } from '../operations/activation.ts';
import {
  count,
  type EncoderOutput,
  epsilon,
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

/** The keys that BERT's kin share. */
export const bertKeys = z.looseObject({
  vocab_size: count,
  hidden_size: width,
  num_hidden_layers: layerCount,
  num_attention_heads: count,
  intermediate_size: count,
  max_position_embeddings: count,
  type_vocab_size: count.default(2),
  pad_token_id: z.number().int().nonnegative().nullish(),
  hidden_act: activation.default('gelu'),
  hidden_dropout_prob: probability.default(0.1),
  attention_probs_dropout_prob: probability.default(0.1),
  layer_norm_eps: epsilon.default(1e-12),
  position_embedding_type: z.literal('absolute').default('absolute'),
});

/** @param positionOffset The first token's row among the position embeddings. */
export function bertConfig(c: z.output<typeof bertKeys>, positionOffset = 0) {
  return {
    vocabSize: c.vocab_size,
    hiddenSize: c.hidden_size,
    embeddingSize: c.hidden_size,
    layers: c.num_hidden_layers,
    heads: c.num_attention_heads,
    intermediateSize: c.intermediate_size,
    positionRows: c.max_position_embeddings,
    positionOffset,
    maxPositions: c.max_position_embeddings - positionOffset,
    tokenTypes: c.type_vocab_size,
    activation: c.hidden_act,
    dropout: {
      embedding: c.hidden_dropout_prob,
      hidden: c.hidden_dropout_prob,
      attention: c.attention_probs_dropout_prob,
    },
    layerNormEps: c.layer_norm_eps,
  };
}

export type BertConfig = ReturnType<typeof bertConfig> & { taskTypes?: number };

export const BERT_NAMES: PostNormNames = {
  query: 'attention.self.query',
  key: 'attention.self.key',
  value: 'attention.self.value',
  attentionOutput: 'attention.output.dense',
  attentionNorm: 'attention.output.LayerNorm',
  intermediate: 'intermediate.dense',
  output: 'output.dense',
  outputNorm: 'output.LayerNorm',
};

const schema = bertKeys.check(multiple('hidden_size', 'num_attention_heads')).transform((c) => bertConfig(c));

export const bert: Family<BertConfig> = { prefix: 'bert', schema, shapes, optional, forward };

const at = (layer: number) => `encoder.layer.${layer}`;

function shapes(config: BertConfig): Shapes {
  const all = new Shapes();
  tokenEmbeddingShapes(all, config);
  for (let layer = 0; layer < config.layers; layer++) postNormShapes(all, BERT_NAMES, at(layer), config);
  all.dense('pooler.dense', config.hiddenSize, config.hiddenSize);
  return all;
}

/** The pooler is loaded and saved, never run: no pooling of ours reads it. */
function optional(): Set<string> {
  return new Set(['pooler.dense.weight', 'pooler.dense.bias']);
}

function forward(config: BertConfig, run: Run): EncoderOutput {
  const { words, embedded } = embedTokens(config, run);
  return { words, first: embedded, last: postNormLayers(config, BERT_NAMES, at, run, embedded) };
}
