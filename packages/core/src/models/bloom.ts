/**
 * BLOOM: no positions but ALiBi's. Agrees with transformers' models/bloom/modeling_bloom.py. T tokens, H hidden units.
 */

import { z } from 'zod';

import { alibi } from '../operations/alibi.ts';
import { type CausalNames, causalLayers, causalShapes } from './causal.ts';
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
import { normalized, rows, Shapes } from './layers.ts';

/** Keys that checkpoints spell in two ways. */
const SPELLINGS = { hidden_size: 'n_embed', n_layer: 'num_hidden_layers', n_head: 'num_attention_heads' };

const schema = z
  .record(z.string(), z.unknown())
  .transform((raw) => {
    const found = Object.entries(SPELLINGS).map(([ours, other]) => [ours, raw[ours] ?? raw[other]]);
    return { ...raw, ...Object.fromEntries(found) } as Record<string, unknown>;
  })
  .pipe(
    z.looseObject({
      vocab_size: count,
      hidden_size: width,
      n_layer: layerCount,
      n_head: count,
      hidden_dropout: probability.default(0),
      attention_dropout: probability.default(0),
      layer_norm_epsilon: epsilon.default(1e-5),
      apply_residual_connection_post_layernorm: z.boolean().default(false),
      is_causal: z.boolean().default(true),
    }),
  )
  .check(multiple('hidden_size', 'n_head'))
  .transform((c) => ({
    vocabSize: c.vocab_size,
    hiddenSize: c.hidden_size,
    width: c.hidden_size,
    layers: c.n_layer,
    heads: c.n_head,
    intermediateSize: 4 * c.hidden_size,
    maxPositions: Number.POSITIVE_INFINITY,
    activation: 'gelu_new' as const,
    layerNormEps: c.layer_norm_epsilon,
    causal: c.is_causal,
    order: c.apply_residual_connection_post_layernorm ? ('normBeforeSum' as const) : ('normFirst' as const),
    biases: { qkv: true, attentionOutput: true, feedForward: true },
    windows: Array<number>(c.n_layer).fill(0),
    scale: 1 / Math.sqrt(c.hidden_size / c.n_head),
    dropout: { embedding: 0, hidden: c.hidden_dropout, attention: c.attention_dropout },
  }));

type BloomConfig = z.output<typeof schema>;

const NAMES: CausalNames = {
  norms: ['input_layernorm', 'post_attention_layernorm'],
  qkv: 'self_attention.query_key_value',
  attentionOutput: 'self_attention.dense',
  intermediate: 'mlp.dense_h_to_4h',
  output: 'mlp.dense_4h_to_h',
};

export const bloom: Family<BloomConfig> = { prefix: 'transformer', schema, shapes, optional: () => new Set(), forward };

const at = (layer: number) => `h.${layer}`;

function shapes(config: BloomConfig): Shapes {
  const all = new Shapes();
  all.table('word_embeddings', config.vocabSize, config.hiddenSize);
  all.norm('word_embeddings_layernorm', config.hiddenSize);
  for (let layer = 0; layer < config.layers; layer++) causalShapes(all, NAMES, at(layer), config);
  all.norm('ln_f', config.hiddenSize);
  return all;
}

function forward(config: BloomConfig, run: Run): EncoderOutput {
  const { parameters, batch } = run;
  const words = rows(parameters, 'word_embeddings', batch.inputIds); // [T, H]
  const first = normalized(parameters, 'word_embeddings_layernorm', words, config.layerNormEps);
  const hidden = causalLayers(config, NAMES, at, run, first, () => ({ bias: alibi(batch, config.heads) }));
  return { words, first, last: normalized(parameters, 'ln_f', hidden, config.layerNormEps) };
}
