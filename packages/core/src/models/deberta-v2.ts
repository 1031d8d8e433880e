/**
 * DeBERTa v2 and v3: attention to relative positions that depends on content and, in large v2 models, a convolution after
 * the first layer. Agrees with transformers' models/deberta_v2/modeling_deberta_v2.py. H hidden units.
 */

import type * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';

import { ACTIVATIONS, activation } from '../operations/activation.ts';
import { type AttentionPlan, attention, planAttention } from '../operations/attention.ts';
import { convolution } from '../operations/convolution.ts';
import { disentangledAttention, relativeRows } from '../operations/disentangled.ts';
import { type DropoutState, dropout } from '../operations/dropout.ts';
import { BERT_NAMES, bertConfig, bertKeys } from './bert.ts';
import { count, type EncoderOutput, epsilon, type Family, multiple, type Run } from './family.ts';
import { dense, normalized, rows, Shapes } from './layers.ts';
import { parameter } from './parameters.ts';
import { type Attending, type Heads, type PostNormNames, postNormLayers, postNormShapes } from './post-norm.ts';
import { embedTokens, tokenEmbeddingShapes } from './token-embeddings.ts';

/** `p2c|c2p`, or a list. */
const attentionTypes = z.preprocess(
  (value) => (typeof value === 'string' ? value.split('|').map((part) => part.trim().toLowerCase()) : value),
  z.array(z.enum(['c2p', 'p2c'])).nullish(),
);

const schema = bertKeys
  .extend({
    max_position_embeddings: count.default(512),
    type_vocab_size: z.number().int().nonnegative().default(0),
    layer_norm_eps: epsilon.default(1e-7),
    embedding_size: count.optional(),
    attention_head_size: count.optional(),
    position_biased_input: z.boolean().default(true),
    relative_attention: z.boolean().default(false),
    max_relative_positions: z.number().int().default(-1),
    position_buckets: z.number().int().default(-1),
    pos_att_type: attentionTypes,
    share_att_key: z.boolean().default(false),
    norm_rel_ebd: z.string().default('none'),
    conv_kernel_size: z
      .number()
      .int()
      .refine((taps) => taps <= 0 || taps % 2 === 1, 'Not odd')
      .default(0),
    conv_groups: z.literal(1).default(1),
    conv_act: activation.default('tanh'),
  })
  .check(multiple('hidden_size', 'num_attention_heads'))
  .check(({ value: c, issues }) => {
    const report = (message: string) => issues.push({ code: 'custom', message, input: c, path: [] });
    const headSize = c.hidden_size / c.num_attention_heads;
    const { embedding_size: E = c.hidden_size, attention_head_size: D = headSize } = c;
    if (E !== c.hidden_size) report(`embedding_size ${E} is not hidden_size ${c.hidden_size}`);
    if (D !== headSize) report(`attention_head_size ${D} is not ${headSize}, hidden_size a head`);
  })
  .transform((c) => {
    const farthest = c.max_relative_positions < 1 ? c.max_position_embeddings : c.max_relative_positions;
    const types = new Set(c.pos_att_type ?? []);
    return {
      ...bertConfig(c),
      positionRows: c.position_biased_input ? c.max_position_embeddings : 0,
      relative: c.relative_attention && {
        buckets: Math.max(0, c.position_buckets),
        farthest,
        rows: 2 * (c.position_buckets > 0 ? c.position_buckets : farthest),
        normalized: c.norm_rel_ebd.toLowerCase().includes('layer_norm'),
        keys: types.has('c2p'),
        queries: types.has('p2c'),
        /** Whether keys and queries of positions are made as those of words are. */
        shared: c.share_att_key,
      },
      scale: 1 / Math.sqrt((c.hidden_size / c.num_attention_heads) * (1 + types.size)),
      convolution: { taps: Math.max(0, c.conv_kernel_size), activation: c.conv_act },
    };
  });

type DebertaConfig = z.output<typeof schema>;
type Relative = Exclude<DebertaConfig['relative'], false>;

const NAMES: PostNormNames = {
  ...BERT_NAMES,
  query: 'attention.self.query_proj',
  key: 'attention.self.key_proj',
  value: 'attention.self.value_proj',
};
const RELATIVE = 'encoder.rel_embeddings';
const RELATIVE_NORM = 'encoder.LayerNorm';
const CONVOLUTION = 'encoder.conv';

export const debertaV2: Family<DebertaConfig> = {
  prefix: 'deberta',
  schema,
  shapes,
  optional: () => new Set(),
  forward,
};

const at = (layer: number) => `encoder.layer.${layer}`;

/** Of a layer, what makes keys and queries of relative positions; undefined where the family has none. */
function relativeNames({ keys, queries, shared }: Relative) {
  return {
    keys: keys ? (shared ? NAMES.key : 'attention.self.pos_key_proj') : undefined,
    queries: queries ? (shared ? NAMES.query : 'attention.self.pos_query_proj') : undefined,
  };
}

function shapes(config: DebertaConfig): Shapes {
  const { hiddenSize: H, relative } = config;
  const { taps } = config.convolution;
  const all = new Shapes();
  tokenEmbeddingShapes(all, config);
  for (let layer = 0; layer < config.layers; layer++) {
    postNormShapes(all, NAMES, at(layer), config);
    if (!relative || relative.shared) continue;
    for (const name of Object.values(relativeNames(relative))) if (name) all.dense(`${at(layer)}.${name}`, H, H);
  }
  if (relative) {
    all.table(RELATIVE, relative.rows, H);
    if (relative.normalized) all.norm(RELATIVE_NORM, H);
  }
  if (taps > 0) {
    all.set(`${CONVOLUTION}.conv.weight`, [H, H, taps]);
    all.set(`${CONVOLUTION}.conv.bias`, [H]);
    all.norm(`${CONVOLUTION}.LayerNorm`, H);
  }
  return all;
}

function forward(config: DebertaConfig, run: Run): EncoderOutput {
  const { words, embedded } = embedTokens(config, run);
  const { relative } = config;
  const afterFirst = config.convolution.taps > 0 ? convolved(config, run) : undefined;
  const last =
    relative && (relative.keys || relative.queries)
      ? postNormLayers(config, NAMES, at, run, embedded, { ...disentangled(config, relative, run), afterFirst })
      : postNormLayers(config, NAMES, at, run, embedded, { ...absolute(config, run), afterFirst });
  return { words, first: embedded, last };
}

/** Of a model without relative positions. */
function absolute({ heads, scale, dropout: drops }: DebertaConfig, { batch }: Run): Attending<AttentionPlan> {
  return {
    shared: [CONVOLUTION],
    prepare: () => planAttention(batch),
    attend: ({ q, k, v }, _, plan, state) => attention(q, k, v, heads, plan, drops.attention, state, { scale }),
  };
}

function disentangled(config: DebertaConfig, relative: Relative, { parameters, batch }: Run) {
  const { heads, scale, dropout: drops } = config;
  const names = relativeNames(relative);
  const prepare = () => {
    const read = relativeRows(batch, relative.buckets, relative.farthest);
    const found = rows(
      parameters,
      RELATIVE,
      Int32Array.from({ length: read.count }, (_, row) => read.first + row),
    );
    const places = relative.normalized ? normalized(parameters, RELATIVE_NORM, found, config.layerNormEps) : found;
    return { read, places };
  };
  const attend = (
    { q, k, v }: Heads,
    layer: string,
    { read, places }: ReturnType<typeof prepare>,
    state: DropoutState | undefined,
  ) => {
    const dropped = dropout(places, drops.hidden, state);
    const project = (name: string | undefined) => (name ? dense(parameters, `${layer}.${name}`, dropped) : undefined);
    const positions = { keys: project(names.keys), queries: project(names.queries) };
    return disentangledAttention(q, k, v, positions, read, { heads, scale, batch }, drops.attention, state);
  };
  return { shared: [RELATIVE, RELATIVE_NORM, CONVOLUTION], prepare, attend };
}

/** Adds a convolution of the first layer's input to its output. */
function convolved(config: DebertaConfig, { parameters, batch }: Run) {
  const { activation } = config.convolution;
  return (input: tf.Tensor2D, output: tf.Tensor2D, state: DropoutState | undefined): tf.Tensor2D => {
    const weight = parameter(parameters, `${CONVOLUTION}.conv.weight`) as tf.Tensor as tf.Tensor3D;
    const bias = parameter(parameters, `${CONVOLUTION}.conv.bias`) as tf.Tensor as tf.Tensor1D;
    const mixed = dropout(convolution(input, weight, bias, batch), config.dropout.hidden, state);
    const name = `${CONVOLUTION}.LayerNorm`;
    return normalized(parameters, name, ACTIVATIONS[activation](mixed), config.layerNormEps, output);
  };
}
