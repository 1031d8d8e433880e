/** Qwen3: Llama with norms on each head of q and k. Agrees with transformers' models/qwen3/modeling_qwen3.py. */

import { z } from 'zod';

import { decoderConfig, decoderFamily, evenHeads } from './decoder.ts';
import { width } from './family.ts';
import { qwenKeys, qwenWindows } from './qwen2.ts';

const schema = qwenKeys
  .extend({ head_dim: width.default(128), attention_bias: z.boolean().default(false) })
  .check(evenHeads)
  .transform((c) => ({
    ...decoderConfig(c),
    biases: { qkv: c.attention_bias, output: c.attention_bias, feedForward: false },
    windows: qwenWindows(c),
    headNorms: true,
  }));

export const qwen3 = decoderFamily(schema);
