/** A model written as a folder that sentence-transformers, transformers and this library open. */

import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringifyAs, writeFolderWhole } from '../formats/files.ts';
import { type HostTensor, writeSafetensors } from '../formats/safetensors.ts';
import { TOKENIZER_FILES } from '../tokenizer/tokenizer.ts';
import type { OpenedModel } from './open-model.ts';
import { namelessKeys, writeSentenceTransformers } from './sentence-transformers.ts';

/**
 * Writes sentence-transformers' layout; the folder appears whole or not at all.
 *
 * @param tensors The parameters, those of Dense modules too.
 * @param texts Further files by name, as README.md.
 */
export function saveModel(
  folder: string,
  model: Omit<OpenedModel, 'load'>,
  tensors: ReadonlyMap<string, HostTensor>,
  texts: Readonly<Record<string, string>>,
): void {
  const { config, configText, layout, tokenizer, maxLength } = model;
  const { isStatic, head, pooling } = layout;
  const fill = (partial: string) => {
    if (!isStatic) {
      const [strategy, ...more] = pooling.strategies;
      // A list has no name in uniem's key; modules.json alone says it.
      const named = {
        ...config.raw,
        ...float32Of(config.raw),
        uniem_pooling_strategy: more.length === 0 ? strategy : undefined,
        ...namelessKeys(layout),
      };
      writeFileSync(join(partial, 'config.json'), `${stringifyAs(configText, named)}\n`);
    }
    const isOfHead = (name: string) =>
      head.some(({ type, ...module }) => 'name' in module && name.startsWith(`${module.name}.`));
    const encoder = new Map([...tensors].filter(([name]) => !isOfHead(name)));
    writeSafetensors(join(partial, 'model.safetensors'), encoder);
    for (const file of TOKENIZER_FILES) {
      if (existsSync(join(model.folder, file))) copyFileSync(join(model.folder, file), join(partial, file));
    }
    if (tokenizer.grew) writeFileSync(join(partial, 'tokenizer.json'), JSON.stringify(tokenizer.toJson()));
    for (const [name, text] of Object.entries(texts)) writeFileSync(join(partial, name), text);
    writeSentenceTransformers(partial, layout, { tensors, maxLength, hiddenSize: config.hiddenSize });
  };
  writeFolderWhole(folder, fill);
}

/** transformers opens a model in the dtype its config names: with a half one the trained changes would be rounded off. */
function float32Of(config: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(['dtype', 'torch_dtype'].flatMap((key) => (key in config ? [[key, 'float32']] : [])));
}
