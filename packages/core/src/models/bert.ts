/**
 * BERT: absolute positions, token types, post-norm. Agrees with transformers' models/bert/modeling_bert.py.
 * T tokens, H hidden units.
 */

import * as tf from '@tensorflow/tfjs';
import { z } from 'zod';

import { activation } from '../operations/activation.ts';
import { planAttention } from '../operations/attention.ts';
import { dropout } from '../operations/dropout.ts';
import { parameter } from '../parameters.ts';
import { count, type EncoderOutput, epsilon, type Family, multiple, probability, type Run } from './family.ts';
import { normalized, positionsOf, rows, Shapes } from './layers.ts';
import { type PostNormNames, postNormLayer, postNormShapes } from './post-norm.ts';
import { runLayers } from './run-layers.ts';

/** A family of BERT's config keys and layers; `positionOffset` is the first token's row among the position embeddings. */
export function bertFamily(prefix: string, positionOffset: (padTokenId: number | undefined) => number) {
  const schema = bertKeys
    .check(multiple('hidden_size', 'num_attention_heads'))
    .transform((c) => bertConfig(c, positionOffset(c.pad_token_id ?? undefined)));
  return { prefix, schema, shapes, optional, forward } satisfies Family<BertConfig>;
}

const bertKeys = z.looseObject({
  vocab_size: count,
  hidden_size: count,
  num_hidden_layers: count,
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

function bertConfig(c: z.output<typeof bertKeys>, positionOffset: number) {
  return {
    vocabSize: c.vocab_size,
    hiddenSize: c.hidden_size,
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

type BertConfig = ReturnType<typeof bertConfig>;

export const bert = bertFamily('bert', () => 0);

const NAMES: PostNormNames = {
  query: 'attention.self.query',
  key: 'attention.self.key',
  value: 'attention.self.value',
  attentionOutput: 'attention.output.dense',
  attentionNorm: 'attention.output.LayerNorm',
  intermediate: 'intermediate.dense',
  output: 'output.dense',
  outputNorm: 'output.LayerNorm',
};

function shapes(config: BertConfig): Shapes {
  const { hiddenSize: H } = config;
  const all = new Shapes();
  all.table('embeddings.word_embeddings', config.vocabSize, H);
  all.table('embeddings.position_embeddings', config.positionRows, H);
  all.table('embeddings.token_type_embeddings', config.tokenTypes, H);
  all.norm('embeddings.LayerNorm', H);
  for (let layer = 0; layer < config.layers; layer++) postNormShapes(all, NAMES, `encoder.layer.${layer}`, config);
  all.dense('pooler.dense', H, H);
  return all;
}

/** The pooler is loaded and saved, never run: no pooling of ours reads it. */
function optional(): Set<string> {
  return new Set(['pooler.dense.weight', 'pooler.dense.bias']);
}

function forward(config: BertConfig, run: Run): EncoderOutput {
  const { parameters, batch } = run;
  const words = rows(parameters, 'embeddings.word_embeddings', batch.inputIds); // [T, H]
  const first = embed(config, run, words);
  const last = runLayers(run, first, {
    layers: config.layers,
    prefix: (layer) => `encoder.layer.${layer}`,
    prepare: () => planAttention(batch),
    layer: (x, layer, plan, state) =>
      postNormLayer(config, NAMES, parameters, `encoder.layer.${layer}`, x, plan, state),
  });
  return { words, first, last };
}

/** Sum of word, position and type embeddings, normalized; every text is one segment, of type 0. */
function embed(config: BertConfig, { parameters, batch, state }: Run, words: tf.Tensor2D): tf.Tensor2D {
  const positions = rows(parameters, 'embeddings.position_embeddings', positionsOf(batch, config.positionOffset));
  const types = tf.slice(parameter(parameters, 'embeddings.token_type_embeddings.weight') as tf.Tensor2D, 0, 1);
  const sum = tf.add(tf.add(words, types), positions) as tf.Tensor2D; // [T, H]
  const normal = normalized(parameters, 'embeddings.LayerNorm', sum, config.layerNormEps);
  return dropout(normal, config.dropout.embedding, state);
}
