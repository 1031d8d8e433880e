/** config.json of a model folder, checked; the only place that reads its snake_case keys. */

import { z } from 'zod';

import { ModelError } from './errors.ts';

export const POOLING_STRATEGIES = [
  'cls',
  'last_mean',
  'first_last_mean',
  'embedding_last_mean',
  'last_weighted',
  'last_token',
] as const;

/** How token states become one vector; uniem's names, plus last_token. */
export type PoolingStrategy = (typeof POOLING_STRATEGIES)[number];

const count = z.number().int().positive();
const probability = z.number().min(0).max(1);

const bertConfig = z.looseObject({
  model_type: z.literal('bert'),
  vocab_size: count,
  hidden_size: count,
  num_hidden_layers: count,
  num_attention_heads: count,
  intermediate_size: count,
  max_position_embeddings: count,
  type_vocab_size: count.default(2),
  hidden_act: z.enum(['gelu', 'gelu_new', 'gelu_pytorch_tanh', 'relu']).default('gelu'),
  hidden_dropout_prob: probability.default(0.1),
  attention_probs_dropout_prob: probability.default(0.1),
  layer_norm_eps: z.number().positive().default(1e-12),
  position_embedding_type: z.literal('absolute').default('absolute'),
  uniem_pooling_strategy: z.enum(POOLING_STRATEGIES).optional(),
  uniem_embedding_strategy: z.enum(POOLING_STRATEGIES).optional(),
});

/** What the model code reads. `raw` is config.json as it was, written back on save. */
export interface ModelConfig {
  modelType: 'bert';
  vocabSize: number;
  hiddenSize: number;
  layers: number;
  heads: number;
  intermediateSize: number;
  maxPositions: number;
  tokenTypes: number;
  activation: 'gelu' | 'gelu_new' | 'relu';
  hiddenDropout: number;
  attentionDropout: number;
  layerNormEps: number;
  poolingStrategy: PoolingStrategy | undefined;
  raw: Record<string, unknown>;
}

/** @throws ModelError naming the key, for a family or a value that is not supported. */
export function parseConfig(raw: Record<string, unknown>, path: string): ModelConfig {
  if (raw.model_type !== 'bert') {
    throw new ModelError(
      `model_type ${JSON.stringify(raw.model_type)} is not supported`,
      path,
      "use a model whose config.json says one of: 'bert'",
    );
  }
  const parsed = bertConfig.safeParse(raw);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const key = String(issue?.path.join('.'));
    throw new ModelError(
      `${key}: ${issue?.message} (received ${JSON.stringify(raw[key])})`,
      path,
      'correct the value or use another model',
    );
  }
  const c = parsed.data;
  if (c.hidden_size % c.num_attention_heads !== 0) {
    throw new ModelError(
      `hidden_size ${c.hidden_size} is not a multiple of num_attention_heads ${c.num_attention_heads}`,
      path,
      'correct config.json',
    );
  }
  return {
    modelType: 'bert',
    vocabSize: c.vocab_size,
    hiddenSize: c.hidden_size,
    layers: c.num_hidden_layers,
    heads: c.num_attention_heads,
    intermediateSize: c.intermediate_size,
    maxPositions: c.max_position_embeddings,
    tokenTypes: c.type_vocab_size,
    activation: c.hidden_act === 'gelu_pytorch_tanh' ? 'gelu_new' : c.hidden_act,
    hiddenDropout: c.hidden_dropout_prob,
    attentionDropout: c.attention_probs_dropout_prob,
    layerNormEps: c.layer_norm_eps,
    poolingStrategy: c.uniem_pooling_strategy ?? c.uniem_embedding_strategy,
    raw,
  };
}
