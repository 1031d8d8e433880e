/** A model by its name: a folder or a repository of the hub, a whole model or an adapter, which is merged into its base. */

import type { HubOptions } from '@uniem/hub';

import { ModelError, OptionError } from '../errors.ts';
import { modelFolder } from '../formats/model-folder.ts';
import { readAdapter } from './adapter.ts';
import { type OpenedModel, type OpenOptions, openModel } from './open-model.ts';

export interface PretrainedOptions extends OpenOptions {
  /** Of an adapter: the model that it changes, in place of the one that its adapter_config.json names. */
  baseModel?: string | undefined;
  /** Another hub, token or cache than the environment names. */
  hub?: HubOptions | undefined;
}

/** Where a model came from. */
export interface ModelOrigin {
  /** What the caller called it. */
  name: string;
  /** Its folder: the same, but for a model of the hub. */
  folder: string;
  /** Of an adapter: the model it was merged into. */
  base: ModelOrigin | undefined;
}

export type PretrainedModel = OpenedModel & { origin: ModelOrigin };

/** @throws ModelError saying which file, tensor or key is wrong; HubError for what the hub says against it. */
export async function openPretrained(model: string, options: PretrainedOptions): Promise<PretrainedModel> {
  const { hub, baseModel, ...rest } = options;
  const folder = await modelFolder(model, hub);
  const adapter = readAdapter(folder);
  if (!adapter) {
    if (baseModel === undefined)
      return { ...openModel(folder, rest), origin: { name: model, folder, base: undefined } };
    throw new OptionError(`${model} is no adapter: it has no adapter_config.json`, 'baseModel', 'leave it out');
  }
  const name = baseModel ?? adapter.base;
  const fix = 'give the model that the adapter was trained on as baseModel (--base-model)';
  if (name === undefined) throw new ModelError('adapter_config.json names no base_model_name_or_path', folder, fix);
  let base: string;
  try {
    base = await modelFolder(name, hub);
  } catch (cause) {
    if (baseModel !== undefined) throw cause;
    const [said] = (cause as Error).message.split('\n');
    throw new ModelError(`the base model of the adapter cannot be opened (${said})`, folder, fix, { cause });
  }
  if (readAdapter(base)) {
    throw new ModelError(`its base ${name} is an adapter too`, folder, 'save the base as a merged model first');
  }
  const opened = openModel(base, rest, adapter);
  return { ...opened, origin: { name: model, folder, base: { name, folder: base, base: undefined } } };
}
