/** What --model of `uniem compare` names: a local model, or one of a provider. */

import { OptionError } from '@uniem/core/names';
import { PROVIDERS, type ProviderName } from '@uniem/providers';

export interface ModelSpec {
  /** As it was given. */
  name: string;
  /** Undefined for a local model. */
  provider: ProviderName | undefined;
  model: string;
  baseUrl: string | undefined;
}

/** `<provider>:<model>`, with `@<base URL>` behind it where the address is another; all else is a local model. */
export function parseModel(name: string): ModelSpec {
  const [, provider, rest = ''] = /^(\w+):(.*)$/s.exec(name) ?? [];
  if (!(PROVIDERS as readonly string[]).includes(provider ?? '')) {
    return { name, provider: undefined, model: name, baseUrl: undefined };
  }
  const [, model = '', baseUrl] = /^(.*?)(?:@(https?:\/\/.*))?$/s.exec(rest) ?? [];
  if (model === '') throw new OptionError(`${name} has no model name`, '--model', `give ${provider}:<model>`);
  return { name, provider: provider as ProviderName, model, baseUrl };
}
