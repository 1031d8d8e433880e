/** Mistral: Llama that sees a window. Agrees with transformers' models/mistral/modeling_mistral.py. */

import { decoderConfig, decoderFamily, decoderKeys, evenHeads, windowOf } from './decoder.ts';
import { count } from './family.ts';

const schema = decoderKeys
  .extend({ sliding_window: count.nullish() })
  .check(evenHeads)
  .transform((c) => ({
    ...decoderConfig(c),
    windows: Array<number>(c.num_hidden_layers).fill(windowOf(c, c.sliding_window)),
  }));

export const mistral = decoderFamily(schema);
