/** config.json's keys of rotary positions, old names and new, to frequencies. D values of a head, R of them turned. */

import { z } from 'zod';

import { count } from './family.ts';

const entry = z.looseObject({
  rope_type: z.enum(['default', 'linear', 'dynamic', 'llama3', 'yarn']).optional(),
  /** rope_type's name until transformers 4.43. */
  type: z.enum(['default', 'linear', 'dynamic', 'llama3', 'yarn']).optional(),
  rope_theta: z.number().positive().nullish(),
  partial_rotary_factor: z.number().positive().max(1).nullish(),
  factor: z.number().positive().nullish(),
  original_max_position_embeddings: count.nullish(),
  low_freq_factor: z.number().positive().optional(),
  high_freq_factor: z.number().positive().optional(),
  attention_factor: z.number().positive().nullish(),
  beta_fast: z.number().positive().nullish(),
  beta_slow: z.number().positive().nullish(),
  mscale: z.number().nullish(),
  mscale_all_dim: z.number().nullish(),
  truncate: z.boolean().nullish(),
});

export type RopeEntry = z.output<typeof entry>;

/** Of a family with the same rotary positions in all layers. */
export const ropeKeys = {
  rope_theta: z.number().positive().nullish(),
  partial_rotary_factor: z.number().positive().max(1).nullish(),
  rope_scaling: entry.nullish(),
  rope_parameters: entry.nullish(),
};

/** Of a family with layers that see all and layers that see a window. */
export const layeredRopeKeys = {
  rope_scaling: entry.nullish(),
  rope_parameters: z.looseObject({ full_attention: entry.nullish(), sliding_attention: entry.nullish() }).nullish(),
};

export interface Rope {
  /** float32 [R / 2], radians a position. */
  frequencies: Float32Array;
  /** Of sines and cosines. */
  factor: number;
}

interface RopeSize {
  /** D */
  headSize: number;
  maxPositions: number;
}

/** Of a schema with `ropeKeys`. */
export function ropeOf(keys: z.output<z.ZodObject<typeof ropeKeys>>, theta: number, size: RopeSize): Rope {
  const found: RopeEntry = keys.rope_parameters ?? keys.rope_scaling ?? {};
  const partial = found.partial_rotary_factor ?? keys.partial_rotary_factor;
  return rope({ ...found, partial_rotary_factor: partial }, keys.rope_theta ?? theta, size);
}

/** Source: transformers modeling_rope_utils.py, whose float32 steps are kept. */
export function rope(found: RopeEntry, theta: number, { headSize, maxPositions }: RopeSize): Rope {
  const base = found.rope_theta ?? theta;
  const R = Math.floor(headSize * (found.partial_rotary_factor ?? 1));
  const plain = Float32Array.from({ length: R / 2 }, (_, i) => 1 / Math.fround(base ** Math.fround((2 * i) / R)));
  const scaling = SCALINGS[found.rope_type ?? found.type ?? 'default'];
  return scaling(plain, found, { base, R, maxPositions });
}

type Scaling = (plain: Float32Array, found: RopeEntry, size: { base: number; R: number; maxPositions: number }) => Rope;

const SCALINGS: Record<NonNullable<RopeEntry['rope_type']>, Scaling> = {
  default: (plain) => ({ frequencies: plain, factor: 1 }),
  linear: (plain, { factor }) => ({ frequencies: plain.map((f) => f / (factor ?? 1)), factor: 1 }),
  dynamic: (plain) => ({ frequencies: plain, factor: 1 }), // it changes past max_position_embeddings, where texts are cut
  llama3,
  yarn,
};

/** Slow turns are slowed by `factor`, fast ones are not, those between in part. */
function llama3(plain: Float32Array, found: RopeEntry, { maxPositions }: { maxPositions: number }): Rope {
  const { factor: slowed, low_freq_factor: low = 1, high_freq_factor: high = 4 } = found;
  const trained = found.original_max_position_embeddings ?? maxPositions;
  const factor = slowed ?? 1;
  const frequencies = plain.map((frequency) => {
    const length = (2 * Math.PI) / frequency; // positions a turn
    if (length < trained / high) return frequency;
    if (length > trained / low) return frequency / factor;
    const smooth = (trained / length - low) / (high - low);
    return ((1 - smooth) * frequency) / factor + smooth * frequency;
  });
  return { frequencies, factor: 1 };
}

/** Source: arXiv 2309.00071. */
function yarn(
  plain: Float32Array,
  found: RopeEntry,
  { base, R, maxPositions }: { base: number; R: number; maxPositions: number },
): Rope {
  const trained = found.original_max_position_embeddings ?? maxPositions;
  const factor = found.factor ?? maxPositions / trained;
  const place = (turns: number) => (R * Math.log(trained / (turns * 2 * Math.PI))) / (2 * Math.log(base));
  let low = place(found.beta_fast ?? 32);
  let high = place(found.beta_slow ?? 1);
  if (found.truncate ?? true) [low, high] = [Math.floor(low), Math.ceil(high)];
  low = Math.max(low, 0);
  high = Math.min(high, R - 1);
  if (low === high) high += 0.001;
  const frequencies = plain.map((frequency, i) => {
    const slowed = Math.min(1, Math.max(0, (i - low) / (high - low)));
    return (frequency / factor) * slowed + frequency * (1 - slowed);
  });
  const scale = (m: number) => (factor <= 1 ? 1 : 0.1 * m * Math.log(factor) + 1);
  const { mscale, mscale_all_dim: all } = found;
  return { frequencies, factor: found.attention_factor ?? (mscale && all ? scale(mscale) / scale(all) : scale(1)) };
}
