/** A model written as a folder that sentence-transformers, transformers and this library open. */

import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringifyAs } from '../formats/files.ts';
import { type HostTensor, writeSafetensors } from '../formats/safetensors.ts';
import { TOKENIZER_FILES } from '../tokenizer/convert.ts';
import type { OpenedModel } from './open-model.ts';
import { namelessKeys, writeSentenceTransformers } from './sentence-transformers.ts';

/** What of a model is written. */
export interface ModelParts {
  /** Whether the encoder's weights are: an export may have them in another file. */
  encoderWeights: boolean;
  /** Whether the files around the encoder are, by which sentence-transformers pools; without them it is a plain encoder. */
  modules: boolean;
}

/**
 * Writes a model's files into a folder that is there.
 *
 * @param tensors The parameters, those of Dense modules too.
 */
export function writeModel(
  folder: string,
  model: Omit<OpenedModel, 'load'>,
  tensors: ReadonlyMap<string, HostTensor>,
  { encoderWeights, modules }: ModelParts,
): void {
  const { config, configText, layout } = model;
  const { isStatic, head, pooling } = layout;
  if (!isStatic) {
    const [strategy, ...more] = pooling.strategies;
    // A list has no name in uniem's key; modules.json alone says it.
    const named = {
      ...config.raw,
      ...float32Of(config.raw),
      uniem_pooling_strategy: more.length === 0 ? strategy : undefined,
      ...namelessKeys(layout),
    };
    writeFileSync(join(folder, 'config.json'), `${stringifyAs(configText, named)}\n`);
  }
  if (encoderWeights) {
    const isOfHead = (name: string) =>
      head.some(({ type, ...module }) => 'name' in module && name.startsWith(`${module.name}.`));
    const encoder = new Map([...tensors].filter(([name]) => !isOfHead(name)));
    writeSafetensors(join(folder, 'model.safetensors'), encoder);
  }
  if (modules) writeSurroundings(folder, model, tensors);
  else writeTokenizer(folder, model);
}

/**
 * Writes what is around the encoder into a folder that is there: the tokenizer, and sentence-transformers' modules.
 *
 * @param tensors Parameters, those of Dense modules among them.
 */
export function writeSurroundings(
  folder: string,
  model: Omit<OpenedModel, 'load'>,
  tensors: ReadonlyMap<string, HostTensor>,
): void {
  const { config, layout, maxLength } = model;
  writeTokenizer(folder, model);
  writeSentenceTransformers(folder, layout, { tensors, maxLength, hiddenSize: config.hiddenSize });
}

function writeTokenizer(folder: string, { tokenizer, tokenizerFolder }: Omit<OpenedModel, 'load'>): void {
  for (const file of TOKENIZER_FILES) {
    if (existsSync(join(tokenizerFolder, file))) copyFileSync(join(tokenizerFolder, file), join(folder, file));
  }
  if (tokenizer.grew) writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer.toJson()));
}

/** transformers opens a model in the dtype its config names: with a half one the trained changes would be rounded off. */
function float32Of(config: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(['dtype', 'torch_dtype'].flatMap((key) => (key in config ? [[key, 'float32']] : [])));
}
