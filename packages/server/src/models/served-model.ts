/** A model that is served: its texts become tokens here, its vectors come from the engine's thread. */

import { modelFolder, OptionError, TextModel } from '@uniem/core';

import type { Batcher } from '../engine/batcher.ts';
import { RequestError } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import type { InputType } from '../routes/schemas.ts';
import { mapInTurns } from './turns.ts';

/** Characters of a text: tokenizing so many takes up to half a second, in which nothing else is answered. */
const LONGEST_TEXT = 250_000;

export interface EmbedOptions {
  /** The field of the request that the texts are in, for errors. */
  field: string;
  promptName?: string | undefined;
  inputType?: InputType | undefined;
  /** Whether a text past the model's length is cut; true where left out. */
  truncate?: boolean | undefined;
  /** Leading values that are kept; left out, what the model's folder says. */
  dimensions?: number | undefined;
  /** Whether vectors are divided by their length after the cut. */
  normalize: boolean;
  signal: AbortSignal;
}

export interface Embedded {
  vectors: Float32Array[];
  /** Of all texts, prompts and special tokens included. */
  tokens: number;
  /** Texts that were cut. */
  truncated: number;
}

export class ServedModel {
  readonly name: string;
  readonly folder: string;
  readonly text: TextModel;

  private constructor(name: string, folder: string, text: TextModel) {
    this.name = name;
    this.folder = folder;
    this.text = text;
  }

  /** @param model As --model takes it: a folder or a name of the hub, with `NAME=` before it where it is served so. */
  static async open(model: string): Promise<ServedModel> {
    const [, name, source = model] = /^([^=/\\]+)=(.+)$/.exec(model) ?? [];
    const folder = await modelFolder(source);
    return new ServedModel(name ?? nameOf(source, folder), folder, await TextModel.fromPretrained(folder));
  }

  /**
   * @param model The number that the engine knows this one by.
   * @throws RequestError for texts, a prompt or dimensions that the model cannot take; the signal's reason.
   */
  async embed(
    texts: readonly string[],
    options: EmbedOptions,
    { batcher, metrics, model }: { batcher: Batcher; metrics: Metrics; model: number },
  ): Promise<Embedded> {
    const { dimensions = this.text.truncateDim ?? this.text.dimension, normalize, signal } = options;
    if (dimensions > this.text.dimension) {
      const message = `dimensions must be at most ${this.text.dimension} for model ${this.name} (received ${dimensions})`;
      throw new RequestError('invalid', message, { param: 'dimensions' });
    }
    const { ids, skip, tokens, truncated } = await this.#tokenize(texts, options);
    const whole = await batcher.submit({ model, ids, skip, signal });
    metrics.truncated.add(truncated);
    const vectors = whole.map((vector, i) => {
      const values = normalize ? unit(vector.subarray(0, dimensions)) : vector.subarray(0, dimensions);
      if (values.every(Number.isFinite)) return values;
      throw new RequestError('internal', `model ${this.name} returned NaN or infinity for ${options.field}[${i}]`);
    });
    return { vectors, tokens, truncated };
  }

  async #tokenize(texts: readonly string[], options: EmbedOptions) {
    const { field, truncate = true, signal } = options;
    const prompt = this.promptOf(options);
    const { maxLength } = this.text;
    let [skip, tokens, truncated] = [0, 0, 0];
    const ids = await mapInTurns(texts, signal, (text, i) => {
      checkText(text, `${field}[${i}]`, field);
      const tokenized = this.text.tokenize([text], { prompt });
      const [ids, length] = [tokenized.ids[0] as Int32Array, tokenized.lengths[0] as number];
      skip = tokenized.skip;
      tokens += ids.length;
      if (length > maxLength) truncated++;
      if (length > maxLength && !truncate) {
        const message = `${field}[${i}] has ${length} tokens, but model ${this.name} takes at most ${maxLength}: shorten it, or set truncate to true`;
        throw new RequestError('invalid', message, { param: field, code: 'context_length_exceeded' });
      }
      return ids;
    });
    return { ids, skip, tokens, truncated };
  }

  /** What a request puts before each text. @throws RequestError for a name that the model does not have. */
  promptOf({ promptName, inputType }: Pick<EmbedOptions, 'promptName' | 'inputType'>): string {
    if (promptName !== undefined && inputType !== undefined) {
      const message = 'prompt_name and input_type are mutually exclusive';
      throw new RequestError('invalid', message, { param: 'prompt_name' });
    }
    if (inputType !== undefined) {
      const name = inputType.endsWith('query') ? 'query' : 'document';
      return Object.hasOwn(this.text.prompts, name) ? (this.text.prompts[name] as string) : '';
    }
    try {
      return this.text.promptOf({ promptName });
    } catch (cause) {
      if (!(cause instanceof OptionError)) throw cause;
      const names = Object.keys(this.text.prompts).join(', ');
      const message = `${cause.message.split('\n')[0]}: use ${names || 'input_type, or put the prompt before the text'}`;
      throw new RequestError('invalid', message.replace('promptName', 'prompt_name'), { param: 'prompt_name', cause });
    }
  }
}

/** @throws RequestError for an empty text and one that is too long to look at. */
export function checkText(text: string, where: string, param: string): void {
  if (text === '') throw new RequestError('invalid', `${where} is an empty string: remove it`, { param });
  if (text.length <= LONGEST_TEXT) return;
  const message = `${where} has ${text.length} characters; the maximum is ${LONGEST_TEXT}`;
  throw new RequestError('too_large', message, { param });
}

/** As sentence-transformers' normalize: a vector of length 0 stays one. */
export function unit(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const length = Math.max(Math.sqrt(squares), 1e-12);
  return vector.map((value) => value / length);
}

/** A folder's own name; one of the hub is its name there. */
function nameOf(model: string, folder: string): string {
  if (folder !== model) return model;
  const parts = folder.split(/[/\\]/).filter((part) => part !== '' && part !== '.');
  return parts.at(-1) ?? model;
}
