/**
 * MPNet: RoBERTa's positions, and relative ones that all layers share. Agrees with transformers'
 * models/mpnet/modeling_mpnet.py. A heads.
 */

import type * as tf from '@tensorflow/tfjs-core';
import type { z } from 'zod';

import { attention, planAttention } from '../operations/attention.ts';
import { relativeBias } from '../operations/relative-bias.ts';
import { bertConfig, bertKeys } from './bert.ts';
import { count, type EncoderOutput, type Family, multiple, type Run } from './family.ts';
import { Shapes } from './layers.ts';
import { parameter } from './parameters.ts';
import { type PostNormNames, postNormLayers, postNormShapes } from './post-norm.ts';
import { embedTokens, tokenEmbeddingShapes } from './token-embeddings.ts';

const BUCKETS = 32; // modeling_mpnet.py's own, whatever relative_attention_num_buckets says
const FARTHEST = 128;
const FIRST_POSITION = 2; // its padding_idx is 1, whatever pad_token_id says

const schema = bertKeys
  .extend({ relative_attention_num_buckets: count.min(BUCKETS).default(BUCKETS) })
  .check(multiple('hidden_size', 'num_attention_heads'))
  .transform((c) => ({
    ...bertConfig(c, FIRST_POSITION),
    tokenTypes: 0,
    relativeRows: c.relative_attention_num_buckets,
  }));

type MPNetConfig = z.output<typeof schema>;

const NAMES: PostNormNames = {
  query: 'attention.attn.q',
  key: 'attention.attn.k',
  value: 'attention.attn.v',
  attentionOutput: 'attention.attn.o',
  attentionNorm: 'attention.LayerNorm',
  intermediate: 'intermediate.dense',
  output: 'output.dense',
  outputNorm: 'output.LayerNorm',
};

const RELATIVE = 'encoder.relative_attention_bias.weight';

export const mpnet: Family<MPNetConfig> = { prefix: 'mpnet', schema, shapes, optional, forward };

const at = (layer: number) => `encoder.layer.${layer}`;

function shapes(config: MPNetConfig): Shapes {
  const all = new Shapes();
  tokenEmbeddingShapes(all, config);
  for (let layer = 0; layer < config.layers; layer++) postNormShapes(all, NAMES, at(layer), config);
  all.set(RELATIVE, [config.relativeRows, config.heads]);
  all.dense('pooler.dense', config.hiddenSize, config.hiddenSize);
  return all;
}

function optional(): Set<string> {
  return new Set(['pooler.dense.weight', 'pooler.dense.bias']);
}

function forward(config: MPNetConfig, run: Run): EncoderOutput {
  const { words, embedded } = embedTokens(config, run);
  const table = parameter(run.parameters, RELATIVE) as tf.Tensor2D;
  const { heads, dropout } = config;
  const last = postNormLayers(config, NAMES, at, run, embedded, {
    shared: [RELATIVE],
    prepare: () => ({ plan: planAttention(run.batch), bias: relativeBias(table, run.batch, BUCKETS, FARTHEST) }),
    attend: ({ q, k, v }, _, { plan, bias }, state) =>
      attention(q, k, v, heads, plan, dropout.attention, state, { bias }),
  });
  return { words, first: embedded, last };
}
