/**
 * GPT-Neo: GPT-2's positions, unscaled scores, layers that see all and layers that see a window. Agrees with
 * transformers' models/gpt_neo/modeling_gpt_neo.py. T tokens, H hidden units.
 */

import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';

import { activation } from '../operations/activation.ts';
import { dropout } from '../operations/dropout.ts';
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

/** `[[["global", "local"], 12]]` is of 24 layers. */
const attentionTypes = z.array(z.tuple([z.array(z.enum(['global', 'local'])), count]));

const schema = z
  .looseObject({
    vocab_size: count,
    hidden_size: width,
    num_layers: layerCount,
    num_heads: count,
    intermediate_size: count.nullish(),
    max_position_embeddings: count.default(2048),
    attention_types: attentionTypes.nullish(),
    window_size: count.default(256),
    activation_function: activation.default('gelu_new'),
    embed_dropout: probability.default(0),
    resid_dropout: probability.default(0),
    attention_dropout: probability.default(0),
    layer_norm_epsilon: epsilon.default(1e-5),
  })
  .check(multiple('hidden_size', 'num_heads'))
  .transform((c, context) => {
    const types = (c.attention_types ?? [[['global', 'local'], 12]]) as z.output<typeof attentionTypes>;
    const windows = types.flatMap(([names, times]) =>
      Array.from({ length: times }, () => names.map((name) => (name === 'local' ? c.window_size : 0))).flat(),
    );
    if (windows.length !== c.num_layers) {
      const message = `attention_types names ${windows.length} layers, num_layers ${c.num_layers}`;
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    }
    return {
      vocabSize: c.vocab_size,
      hiddenSize: c.hidden_size,
      width: c.hidden_size,
      layers: c.num_layers,
      heads: c.num_heads,
      intermediateSize: c.intermediate_size ?? 4 * c.hidden_size,
      maxPositions: c.max_position_embeddings,
      activation: c.activation_function,
      layerNormEps: c.layer_norm_epsilon,
      causal: true,
      order: 'normFirst' as const,
      biases: { qkv: false, attentionOutput: true, feedForward: true },
      windows,
      scale: 1,
      dropout: { embedding: c.embed_dropout, hidden: c.resid_dropout, attention: c.attention_dropout },
    };
  });

type GPTNeoConfig = z.output<typeof schema>;

const NAMES: CausalNames = {
  norms: ['ln_1', 'ln_2'],
  qkv: ['attn.attention.q_proj', 'attn.attention.k_proj', 'attn.attention.v_proj'],
  attentionOutput: 'attn.attention.out_proj',
  intermediate: 'mlp.c_fc',
  output: 'mlp.c_proj',
};

export const gptNeo: Family<GPTNeoConfig> = {
  prefix: 'transformer',
  schema,
  shapes,
  optional: () => new Set(),
  forward,
};

const at = (layer: number) => `h.${layer}`;

function shapes(config: GPTNeoConfig): Shapes {
  const all = new Shapes();
  all.table('wte', config.vocabSize, config.hiddenSize);
  all.table('wpe', config.maxPositions, config.hiddenSize);
  for (let layer = 0; layer < config.layers; layer++) causalShapes(all, NAMES, at(layer), config);
  all.norm('ln_f', config.hiddenSize);
  return all;
}

function forward(config: GPTNeoConfig, run: Run): EncoderOutput {
  const { parameters, batch, state } = run;
  const words = rows(parameters, 'wte', batch.inputIds); // [T, H]
  const sum = tf.add(words, rows(parameters, 'wpe', positionsOf(batch))) as tf.Tensor2D;
  const first = dropout(sum, config.dropout.embedding, state);
  const hidden = causalLayers(config, NAMES, at, run, first);
  return { words, first, last: normalized(parameters, 'ln_f', hidden, config.layerNormEps) };
}
