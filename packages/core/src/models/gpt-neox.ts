/**
 * GPT-NeoX and Pythia: rotary positions of a part of each head, attention and feed-forward net side by side. Agrees with
 * transformers' models/gpt_neox/modeling_gpt_neox.py. T tokens, H hidden units.
 */

import { z } from 'zod';

import { activation } from '../operations/activation.ts';
import { dropout } from '../operations/dropout.ts';
import { rotaryTables } from '../operations/rotary.ts';
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
import { normalized, positionsOf, rows, Shapes } from './layers.ts';
import { ropeKeys, ropeOf } from './rope.ts';

const schema = z
  .looseObject({
    vocab_size: count,
    hidden_size: width,
    num_hidden_layers: layerCount,
    num_attention_heads: count,
    intermediate_size: count,
    max_position_embeddings: count.default(2048),
    hidden_act: activation.default('gelu'),
    attention_dropout: probability.default(0),
    hidden_dropout: probability.default(0),
    layer_norm_eps: epsilon.default(1e-5),
    use_parallel_residual: z.boolean().default(true),
    attention_bias: z.boolean().default(true),
    is_causal: z.boolean().default(true),
    rotary_pct: z.number().positive().max(1).default(0.25),
    rotary_emb_base: z.number().positive().default(10_000),
    ...ropeKeys,
  })
  .check(multiple('hidden_size', 'num_attention_heads'))
  .transform((c) => {
    const headSize = c.hidden_size / c.num_attention_heads;
    const keys = { ...c, partial_rotary_factor: c.rotary_pct, rope_theta: c.rotary_emb_base };
    return {
      vocabSize: c.vocab_size,
      hiddenSize: c.hidden_size,
      width: c.hidden_size,
      layers: c.num_hidden_layers,
      heads: c.num_attention_heads,
      intermediateSize: c.intermediate_size,
      maxPositions: c.max_position_embeddings,
      activation: c.hidden_act,
      layerNormEps: c.layer_norm_eps,
      causal: c.is_causal,
      order: c.use_parallel_residual ? ('parallel' as const) : ('normFirst' as const),
      biases: { qkv: c.attention_bias, attentionOutput: c.attention_bias, feedForward: true },
      windows: Array<number>(c.num_hidden_layers).fill(0),
      scale: 1 / Math.sqrt(headSize),
      rope: ropeOf(keys, 10_000, { headSize, maxPositions: c.max_position_embeddings }),
      dropout: { embedding: c.hidden_dropout, hidden: c.hidden_dropout, attention: c.attention_dropout },
    };
  });

type GPTNeoXConfig = z.output<typeof schema>;

const NAMES: CausalNames = {
  norms: ['input_layernorm', 'post_attention_layernorm'],
  qkv: 'attention.query_key_value',
  attentionOutput: 'attention.dense',
  intermediate: 'mlp.dense_h_to_4h',
  output: 'mlp.dense_4h_to_h',
};

export const gptNeoX: Family<GPTNeoXConfig> = {
  prefix: 'gpt_neox',
  schema,
  shapes,
  optional: () => new Set(),
  forward,
};

const at = (layer: number) => `layers.${layer}`;

function shapes(config: GPTNeoXConfig): Shapes {
  const all = new Shapes();
  all.table('embed_in', config.vocabSize, config.hiddenSize);
  for (let layer = 0; layer < config.layers; layer++) causalShapes(all, NAMES, at(layer), config);
  all.norm('final_layer_norm', config.hiddenSize);
  return all;
}

function forward(config: GPTNeoXConfig, run: Run): EncoderOutput {
  const { parameters, batch, state } = run;
  const words = rows(parameters, 'embed_in', batch.inputIds); // [T, H]
  const first = dropout(words, config.dropout.embedding, state);
  const { frequencies, factor } = config.rope;
  const positions = () => ({ rotary: rotaryTables(positionsOf(batch), frequencies, factor) });
  const hidden = causalLayers(config, NAMES, at, run, first, positions);
  return { words, first, last: normalized(parameters, 'final_layer_norm', hidden, config.layerNormEps) };
}
