/** uniem's way to open an encoder. */

import { NAME, OBJECT } from '@uniem/hub/arguments';

import { requireKind } from '../arguments.ts';
import { OptionError } from '../errors.ts';
import { Embedder, type EmbedderOptions } from './embedder.ts';

export interface UniemEmbedderOptions extends Omit<EmbedderOptions, 'encoderOnly'> {
  /** A class of transformers', which must be an encoder of the folder's own family. */
  modelClass?: string;
}

/**
 * Opens an encoder and gives it a pooling, `last_mean` if left out, whatever the folder says of pooling or of modules
 * after it. uniem: create_uniem_embedder.
 *
 * @param name A folder, or `owner/name` of the hub.
 */
export async function createUniemEmbedder(name: string, options: UniemEmbedderOptions = {}): Promise<Embedder> {
  requireKind(options, OBJECT, 'options');
  if (options.modelClass !== undefined) requireKind(options.modelClass, NAME, 'modelClass');
  const { modelClass, poolingStrategy = 'last_mean', ...rest } = options;
  const embedder = await Embedder.fromPretrained(name, { ...rest, poolingStrategy, encoderOnly: true });
  const { modelType } = embedder.config;
  if (modelClass === undefined || isEncoderOf(modelClass, modelType)) return embedder;
  embedder.dispose();
  throw new OptionError(
    `'${modelClass}' is no encoder of model_type ${modelType}`,
    'modelClass',
    'leave it out, or give AutoModel',
  );
}

/** T5's encoder has a class of its own; every other one is `<Family>Model`. */
function isEncoderOf(modelClass: string, modelType: string): boolean {
  if (modelClass === 'AutoModel') return true;
  const family = modelType.replaceAll(/[-_]/g, '').replace(/text$/, '');
  return new RegExp(`^${family}(text|encoder)?model$`, 'i').test(modelClass);
}
