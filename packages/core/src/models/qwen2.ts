/** Qwen2: Llama with biases on q, k and v. Agrees with transformers' models/qwen2/modeling_qwen2.py. */

import { z } from 'zod';

import { decoderConfig, decoderFamily, decoderKeys, evenHeads, windowOf } from './decoder.ts';
import { count } from './family.ts';

/** The keys of both Qwens: which layers see a window. */
export const qwenKeys = decoderKeys.extend({
  use_sliding_window: z.boolean().default(false),
  sliding_window: count.nullish(),
  max_window_layers: z.number().int().nonnegative().default(28),
  layer_types: z.array(z.enum(['full_attention', 'sliding_attention'])).nullish(),
});

export function qwenWindows(c: z.output<typeof qwenKeys>): number[] {
  const window = c.use_sliding_window ? windowOf(c, c.sliding_window) : 0;
  return Array.from({ length: c.num_hidden_layers }, (_, layer) => {
    const slides = c.layer_types ? c.layer_types[layer] === 'sliding_attention' : layer >= c.max_window_layers;
    return slides ? window : 0;
  });
}

const schema = qwenKeys.check(evenHeads).transform((c) => ({
  ...decoderConfig(c),
  biases: { qkv: true, output: false, feedForward: false },
  windows: qwenWindows(c),
}));

export const qwen2 = decoderFamily(schema);
