/** What the options of an Embedder have to be, for callers whom no type stops. */

import { COUNT, either, FLAG, INDEX, type Kind, NAME, OBJECT, oneOf, TEXT } from '@uniem/hub/arguments';

import { requireKind, requireOptions } from '../arguments.ts';
import { PRECISIONS } from '../names.ts';

const POOLING: Kind = { name: 'a pooling strategy or a list of them', is: isPooling };

const EMBEDDER: Record<string, Kind> = {
  poolingStrategy: POOLING,
  maxLength: COUNT,
  encoderOnly: FLAG,
  baseModel: NAME,
  hub: OBJECT,
  precision: oneOf(...PRECISIONS),
};

const ENCODE: Record<string, Kind> = {
  batchSize: COUNT,
  normalize: FLAG,
  progressBar: either(FLAG, oneOf('auto')),
  maxLength: COUNT,
  prompt: TEXT,
  promptName: TEXT,
  truncateDim: COUNT,
  skip: INDEX,
};

/** Which names there are is `openModel`'s to say. */
function isPooling(value: unknown): boolean {
  return typeof value === 'string' || (Array.isArray(value) && value.every((one) => typeof one === 'string'));
}

/** @throws OptionError naming the argument and what was received. */
export function checkEmbedderOptions(model: unknown, options: unknown): void {
  requireKind(model, NAME, 'model', 'give a model folder, or owner/name of the hub');
  requireOptions(options, EMBEDDER);
}

/** @throws OptionError naming the option and what was received. */
export function checkEncodeOptions(options: unknown): void {
  requireOptions(options, ENCODE);
}

/** Files that are saved with a model. */
export function checkFileTexts(texts: unknown): void {
  requireKind(texts, OBJECT, 'texts', 'give the content of each file by its name');
  for (const [name, text] of Object.entries(texts as object)) requireKind(text, TEXT, `texts['${name}']`);
}
