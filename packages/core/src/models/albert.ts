/**
 * ALBERT: layers that share their parameters, group by group, over embeddings that may be narrower. Agrees with
 * transformers' models/albert/modeling_albert.py.
 */

import type { z } from 'zod';

import { activation } from '../operations/activation.ts';
import { bertConfig, bertKeys } from './bert.ts';
import { count, type EncoderOutput, type Family, layerCount, multiple, probability, type Run } from './family.ts';
import { dense, Shapes } from './layers.ts';
import { type PostNormNames, postNormLayers, postNormShapes } from './post-norm.ts';
import { embedTokens, tokenEmbeddingShapes } from './token-embeddings.ts';

const schema = bertKeys
  .extend({
    embedding_size: count.default(128),
    num_hidden_groups: layerCount.default(1),
    inner_group_num: layerCount.default(1),
    hidden_act: activation.default('gelu_new'),
    hidden_dropout_prob: probability.default(0),
    attention_probs_dropout_prob: probability.default(0),
  })
  .check(multiple('hidden_size', 'num_attention_heads'))
  .transform((c) => ({
    ...bertConfig(c),
    embeddingSize: c.embedding_size,
    /** Passes, each through one group. */
    passes: c.num_hidden_layers,
    groups: c.num_hidden_groups,
    layersOfGroup: c.inner_group_num,
    layers: c.num_hidden_layers * c.inner_group_num,
  }));

type AlbertConfig = z.output<typeof schema>;

const NAMES: PostNormNames = {
  query: 'attention.query',
  key: 'attention.key',
  value: 'attention.value',
  attentionOutput: 'attention.dense',
  attentionNorm: 'attention.LayerNorm',
  intermediate: 'ffn',
  output: 'ffn_output',
  outputNorm: 'full_layer_layer_norm',
  undropped: 'output',
};

export const albert: Family<AlbertConfig> = { prefix: 'albert', schema, shapes, optional, forward };

const at = (group: number, layer: number) => `encoder.albert_layer_groups.${group}.albert_layers.${layer}`;

function shapes(config: AlbertConfig): Shapes {
  const all = new Shapes();
  const { hiddenSize: H, embeddingSize: E } = config;
  tokenEmbeddingShapes(all, config);
  all.dense('encoder.embedding_hidden_mapping_in', H, E);
  for (let group = 0; group < config.groups; group++) {
    for (let layer = 0; layer < config.layersOfGroup; layer++) postNormShapes(all, NAMES, at(group, layer), config);
  }
  all.dense('pooler', H, H);
  return all;
}

function optional(): Set<string> {
  return new Set(['pooler.weight', 'pooler.bias']);
}

function forward(config: AlbertConfig, run: Run): EncoderOutput {
  const { words, embedded } = embedTokens(config, run);
  const first = dense(run.parameters, 'encoder.embedding_hidden_mapping_in', embedded);
  const place = (layer: number) => {
    const pass = Math.floor(layer / config.layersOfGroup);
    return at(Math.floor((pass * config.groups) / config.passes), layer % config.layersOfGroup);
  };
  return { words, first, last: postNormLayers(config, NAMES, place, run, first) };
}
