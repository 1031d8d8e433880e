/** Which kind of model a name or folder is: the folder's files first, uniem's rule by name second. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { NAME, requireKind } from '@uniem/core/arguments';
import type { ModelType } from '../names.ts';

export interface DetectedModelType {
  modelType: ModelType;
  /** What told it, in words. */
  reason: string;
}

/**
 * @param folder Where the model lies.
 * @param name What the user called it.
 */
export function detectModelType(folder: string, name: string): DetectedModelType {
  requireKind(folder, NAME, 'folder');
  requireKind(name, NAME, 'name');
  if (existsSync(join(folder, 'modules.json'))) {
    return { modelType: 'sentence_transformers', reason: 'the folder holds modules.json' };
  }
  const configPath = join(folder, 'config.json');
  if (existsSync(configPath) && /"uniem_(pooling|embedding)_strategy"/.test(readFileSync(configPath, 'utf8'))) {
    return { modelType: 'uniem', reason: 'config.json names uniem_pooling_strategy' };
  }
  if (name.includes('sentence-transformers')) {
    return { modelType: 'sentence_transformers', reason: "the name holds 'sentence-transformers'" };
  }
  if (name.includes('text2vec')) return { modelType: 'text2vec', reason: "the name holds 'text2vec'" };
  if (name.includes('m3e')) return { modelType: 'uniem', reason: "the name holds 'm3e'" };
  return { modelType: 'huggingface', reason: 'nothing says otherwise' };
}
