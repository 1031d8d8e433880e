/** Which parameters train. */

import type { Parameters } from '@uniem/core';

import type { ResolvedFinetuneOptions } from './options.ts';

/** BitFit (arXiv 2106.10199) trains the parameters whose names hold one of these, as uniem does. */
export const BITFIT_KEYWORDS: readonly string[] = ['bias'];

/** The trainable part of the parameters, in checkpoint order. */
export function trainable(parameters: Parameters, strategy: ResolvedFinetuneOptions['strategy']): Parameters {
  if (strategy === 'full') return parameters;
  return new Map([...parameters].filter(([name]) => BITFIT_KEYWORDS.some((keyword) => name.includes(keyword))));
}
