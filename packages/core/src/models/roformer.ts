/**
 * RoFormer: BERT with rotary positions, whose embeddings may be narrower than its layers. Agrees with transformers'
 * models/roformer/modeling_roformer.py.
 */

import { z } from 'zod';

import { attention, planAttention } from '../operations/attention.ts';
import { rotary, rotaryTables } from '../operations/rotary.ts';
import { BERT_NAMES, bertConfig, bertKeys } from './bert.ts';
import { count, type EncoderOutput, type Family, multiple, type Run } from './family.ts';
import { dense, positionsOf, Shapes } from './layers.ts';
import { postNormLayers, postNormShapes } from './post-norm.ts';
import { embedTokens, tokenEmbeddingShapes } from './token-embeddings.ts';

const schema = bertKeys
  .extend({
    embedding_size: count.nullish(),
    max_position_embeddings: count.default(1536),
    rotary_value: z.boolean().default(false),
    is_decoder: z.literal(false).default(false),
  })
  .check(multiple('hidden_size', 'num_attention_heads'))
  .transform((c) => ({
    ...bertConfig(c),
    embeddingSize: c.embedding_size ?? c.hidden_size,
    positionRows: 0,
    headSize: c.hidden_size / c.num_attention_heads,
    /** Whether values turn too, not queries and keys alone. */
    turnsValues: c.rotary_value,
  }));

type RoFormerConfig = z.output<typeof schema>;

export const roformer: Family<RoFormerConfig> = { prefix: 'roformer', schema, shapes, optional, forward };

const at = (layer: number) => `encoder.layer.${layer}`;

/** Sines and cosines that transformers saves, though they never change. */
const TABLE = 'encoder.embed_positions';

function shapes(config: RoFormerConfig): Shapes {
  const all = new Shapes();
  const { hiddenSize: H, embeddingSize: E } = config;
  tokenEmbeddingShapes(all, config);
  if (E !== H) all.dense('embeddings_project', H, E);
  all.table(TABLE, config.maxPositions, config.headSize);
  for (let layer = 0; layer < config.layers; layer++) postNormShapes(all, BERT_NAMES, at(layer), config);
  return all;
}

function optional(): Set<string> {
  return new Set([`${TABLE}.weight`]);
}

function forward(config: RoFormerConfig, run: Run): EncoderOutput {
  const { words, embedded } = embedTokens(config, run);
  const projected = config.embeddingSize !== config.hiddenSize;
  const first = projected ? dense(run.parameters, 'embeddings_project', embedded) : embedded;
  const { heads, headSize: D, turnsValues, dropout } = config;
  const frequencies = Float64Array.from({ length: D / 2 }, (_, i) => 10_000 ** ((-2 * i) / D));
  const last = postNormLayers(config, BERT_NAMES, at, run, first, {
    prepare: () => ({ plan: planAttention(run.batch), tables: rotaryTables(positionsOf(run.batch), frequencies) }),
    attend: ({ q, k, v }, _, { plan, tables }, state) => {
      const turned = (x: typeof q) => rotary(x, heads, tables, 'neighbours');
      const values = turnsValues ? turned(v) : v;
      return attention(turned(q), turned(k), values, heads, plan, dropout.attention, state);
    },
  });
  return { words, first, last };
}
