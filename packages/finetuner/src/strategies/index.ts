/** The strategies by name, and what may be frozen beside them. */

import { type Embedder, OptionError, type Parameters } from '@uniem/core';

import type { StrategyName } from '../names.ts';
import { DEFAULT_OPTIONS, type ResolvedFinetuneOptions } from '../options.ts';
import { freezeLayers } from './layers.ts';
import { lora } from './lora.ts';
import { prefix } from './prefix.ts';
import type { Strategy } from './strategy.ts';

const MAKERS: Record<StrategyName, (embedder: Embedder, options: ResolvedFinetuneOptions) => Strategy> = {
  full: ({ parameters }, { freezeLayers: layers }) => trains(freezeLayers(parameters, layers)),
  bitfit: ({ parameters }, { bitfitKeywords }) => trains(bitfit(parameters, bitfitKeywords)),
  lora,
  prefix,
};

/** Options that one strategy alone has a meaning for. */
const STRATEGY_OF = {
  bitfitKeywords: 'bitfit',
  loraRank: 'lora',
  loraAlpha: 'lora',
  loraTargets: 'lora',
  saveAdapter: 'lora',
  prefixTokens: 'prefix',
  freezeLayers: 'full',
} as const satisfies Partial<Record<keyof ResolvedFinetuneOptions, StrategyName>>;

/** @throws OptionError for an option that the strategy would not look at. */
export function checkStrategyOptions(options: ResolvedFinetuneOptions): void {
  for (const [name, strategy] of Object.entries(STRATEGY_OF) as [keyof typeof STRATEGY_OF, StrategyName][]) {
    const given = JSON.stringify(options[name]);
    if (strategy === options.strategy || given === JSON.stringify(DEFAULT_OPTIONS[name])) continue;
    throw new OptionError(
      `has no meaning for strategy ${options.strategy} (received ${given})`,
      name,
      `leave it out, or give strategy '${strategy}'`,
    );
  }
}

/** Prepares the model for its training by a strategy. Whatever does not train costs no gradient and no moments. */
export function applyStrategy(embedder: Embedder, options: ResolvedFinetuneOptions): Strategy {
  const made = MAKERS[options.strategy](embedder, options);
  for (const [name, variable] of embedder.parameters) variable.trainable = made.variables.has(name);
  const then = (end: () => void) => () => {
    end();
    for (const variable of embedder.parameters.values()) variable.trainable = true;
  };
  return { ...made, finish: then(made.finish), undo: then(made.undo) };
}

/**
 * BitFit (arXiv 2106.10199): the parameters whose names hold one of the keywords, as uniem has it.
 *
 * @throws OptionError where none does, as `bias` in Llama's.
 */
export function bitfit(parameters: Parameters, keywords: readonly string[]): Parameters {
  const chosen = [...parameters].filter(([name]) => keywords.some((keyword) => name.includes(keyword)));
  if (chosen.length > 0) return new Map(chosen);
  const fix = 'give a part of some names, as norm, or use strategy lora';
  throw new OptionError(`no parameter's name holds ${keywords.join(' or ')}`, 'bitfitKeywords', fix);
}

const trains = (variables: Parameters): Strategy => ({ variables, prefix: '', finish: () => {}, undo: () => {} });
