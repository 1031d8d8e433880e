/** Hosted providers by their names. */

import { ProviderError } from './errors.ts';
import type { ClientOptions, HostedProvider } from './hosted-provider.ts';
import { compatibleProvider, openaiProvider } from './services/openai.ts';
import { qianfanProvider } from './services/qianfan.ts';
import { SPARK_MODEL, sparkProvider } from './services/spark.ts';
import { zhipuProvider } from './services/zhipu.ts';

export const PROVIDERS = ['openai', 'zhipu', 'qianfan', 'spark', 'compatible'] as const;

export type ProviderName = (typeof PROVIDERS)[number];

export interface OpenProviderOptions extends ClientOptions {
  /** Required of a compatible server. */
  baseUrl?: string | undefined;
  onNote?: ((note: string) => void) | undefined;
}

/**
 * A provider with its keys from the environment.
 *
 * @param model Spark has but one, and needs no name.
 * @throws ProviderError where a key, the model or a base URL is missing.
 */
export function openProvider(
  name: ProviderName,
  model: string | undefined,
  options: OpenProviderOptions = {},
): HostedProvider {
  const { baseUrl } = options;
  if (name === 'spark') return sparkProvider(model ?? SPARK_MODEL, options);
  if (model === undefined) throw new ProviderError('options', 'no model given', name, 'name the model');
  if (name === 'openai') return openaiProvider(model, options);
  if (name === 'zhipu') return zhipuProvider(model, options);
  if (name === 'qianfan') return qianfanProvider(model, options);
  if (baseUrl === undefined) {
    throw new ProviderError(
      'options',
      'no base URL given',
      `compatible ${model}`,
      'give one, for example http://localhost:11434/v1',
    );
  }
  return compatibleProvider(model, { ...options, baseUrl });
}
