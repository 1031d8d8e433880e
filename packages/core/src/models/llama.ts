/** Llama. Agrees with transformers' models/llama/modeling_llama.py. */

import { z } from 'zod';

import { decoderConfig, decoderFamily, decoderKeys, evenHeads } from './decoder.ts';

const schema = decoderKeys
  .extend({ attention_bias: z.boolean().default(false), mlp_bias: z.boolean().default(false) })
  .check(evenHeads)
  .transform((c) => ({
    ...decoderConfig(c),
    biases: { qkv: c.attention_bias, output: c.attention_bias, feedForward: c.mlp_bias },
  }));

export const llama = decoderFamily(schema);
