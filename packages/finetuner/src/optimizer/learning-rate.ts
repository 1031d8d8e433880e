/** The learning rate of a run whose caller names none. */

import { FLAG, INDEX, oneOf, requireKind, requireOptions } from '@uniem/core/arguments';
import { LR_POLICIES, type LrPolicy, STRATEGIES, type StrategyName } from '../names.ts';

export interface LrSetting {
  policy: LrPolicy;
  strategy: StrategyName;
  /** Values of all parameters, and of those that train. */
  values: number;
  trainable: number;
  /** Whether the model was trained as an embedder before. */
  isEmbedder: boolean;
}

const SETTING = {
  policy: oneOf(...LR_POLICIES),
  strategy: oneOf(...STRATEGIES),
  values: INDEX,
  trainable: INDEX,
  isEmbedder: FLAG,
};

/** Of what full training takes: few values must move far. BitFit's paper (arXiv 2106.10199) and LoRA's use such rates. */
const STRATEGY_FACTORS: Record<StrategyName, number> = { full: 1, bitfit: 20, lora: 10, prefix: 100 };

/** uniem's rate, made for plain encoders, makes a model that is an embedder already collapse (its issues 73 and 84). */
const EMBEDDER_FACTOR = 0.2;

/**
 * `uniem`: uniem's suggest_lr, by the number of trainable values alone. `suggested`: the same by the model's size,
 * times a factor for the strategy, and a fifth of it for a model that is an embedder already.
 */
export function suggestLr(setting: LrSetting): number {
  requireOptions(setting, SETTING, 'suggestLr');
  for (const [name, kind] of Object.entries(SETTING)) requireKind(setting[name as keyof LrSetting], kind, name);
  const { policy, strategy, values, trainable, isEmbedder } = setting;
  if (policy === 'uniem') return bySize(trainable);
  return Number((bySize(values) * STRATEGY_FACTORS[strategy] * (isEmbedder ? EMBEDDER_FACTOR : 1)).toPrecision(6));
}

function bySize(values: number): number {
  if (values <= 80_000_000) return 1e-4;
  if (values <= 200_000_000) return 5e-5;
  return 8e-6;
}
