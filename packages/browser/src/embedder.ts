/** A loaded model: texts to vectors, as `Embedder` of @uniem/core gives them in Node. B texts, S tokens of the longest. */

import type { GraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';
import { batchesByLength, OptionError, promptOf, withPrompt } from '@uniem/core/browser';

import type { Settings } from './settings.ts';

export interface EncodeOptions {
  /** Texts a batch; short ones are more, up to the tokens of so many texts of 128. */
  batchSize?: number;
  /** Divide by the length; left out, what the model was exported with. */
  normalize?: boolean;
  /** Tokens a text; at most the model's own limit. */
  maxLength?: number;
  /** Put before every text; left out, the model's default prompt, where it has one. */
  prompt?: string;
  /** The name of one of the model's prompts. */
  promptName?: string;
  /** Leading values of a vector that are kept, as of a Matryoshka model; left out, all that the graph gives. */
  truncateDim?: number;
}

/** Text to token ids: of @uniem/core, whose types a user need not have. */
export interface TextTokenizer {
  encode(text: string, maxLength: number): Int32Array;
}

const OUTPUT = 'sentence_embedding';

export class TextEmbedder {
  readonly #model: GraphModel;
  readonly #tokenizer: TextTokenizer;
  readonly #settings: Settings;

  /** Takes ownership of the model. @internal */
  constructor(model: GraphModel, tokenizer: TextTokenizer, settings: Settings) {
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#settings = settings;
  }

  /** Values of a vector. */
  get dimension(): number {
    return this.#settings.dimension;
  }

  /** Tokens that a text is cut to; Infinity, where there is no limit. */
  get maxLength(): number {
    return this.#settings.maxLength ?? Number.POSITIVE_INFINITY;
  }

  /** Texts that `encode` can put before each text, by name. */
  get prompts(): Readonly<Record<string, string>> {
    return this.#settings.prompts;
  }

  /** Ids of a text with its special tokens, at most `maxLength` in all. */
  tokenize(text: string): Int32Array {
    return this.#tokenizer.encode(text, this.maxLength);
  }

  /**
   * Embeds texts, one float32 vector a text, in the order given. An empty text is its special tokens; a text past
   * maxLength is cut.
   *
   * @throws OptionError for an option that makes no sense, or that the graph has settled.
   */
  async encode(texts: readonly string[], options: EncodeOptions = {}): Promise<Float32Array[]> {
    const { batchSize = 32, truncateDim } = options;
    if (typeof texts === 'string') throw new OptionError('is one text', 'texts', 'give a list: encode([text])');
    requireCount(batchSize, 'batchSize');
    if (truncateDim !== undefined) requireCount(truncateDim, 'truncateDim');
    this.#requireNormalize(options.normalize);
    const prompt = this.#promptOf(options);
    const maxLength = Math.min(options.maxLength ?? this.maxLength, this.maxLength);
    const ids = texts.map((text) => this.#tokenizer.encode(prompt + text, maxLength));
    const vectors = new Array<Float32Array>(texts.length);
    for (const rows of batchesByLength(
      ids.map(({ length }) => length),
      batchSize,
    )) {
      const batch = rows.map((row) => ids[row] as Int32Array);
      const embeddings = tf.tidy(() => {
        const whole = this.#run(batch);
        // As sentence-transformers: the model normalizes before the cut, the caller after it.
        const cut = tf.slice(whole, [0, 0], [-1, Math.min(truncateDim ?? Infinity, whole.shape[1])]);
        return options.normalize === true ? tf.div(cut, tf.maximum(tf.norm(cut, 2, 1, true), 1e-12)) : cut;
      });
      const values = (await embeddings.data()) as Float32Array;
      embeddings.dispose();
      const H = values.length / rows.length;
      rows.forEach((row, i) => {
        vectors[row] = values.slice(i * H, (i + 1) * H);
      });
    }
    return vectors;
  }

  /** Embeds what is looked for: `encode` with the model's prompt `query`; none where it has no such prompt. */
  encodeQuery(texts: readonly string[], options: EncodeOptions = {}): Promise<Float32Array[]> {
    return this.encode(texts, withPrompt(this.prompts, 'query', options));
  }

  /** Embeds what is searched: `encode` with the model's prompt `document`; none where it has no such prompt. */
  encodeDocument(texts: readonly string[], options: EncodeOptions = {}): Promise<Float32Array[]> {
    return this.encode(texts, withPrompt(this.prompts, 'document', options));
  }

  /** Frees the weights. */
  dispose(): void {
    this.#model.dispose();
  }

  /** @returns float32 [B, values] */
  #run(texts: readonly Int32Array[]): tf.Tensor2D {
    const S = Math.max(1, ...texts.map(({ length }) => length)); // a StaticEmbedding has texts of no token
    const shape: [number, number] = [texts.length, S];
    const ids = new Int32Array(texts.length * S);
    const mask = new Int32Array(ids.length);
    texts.forEach((text, b) => {
      ids.set(text, b * S);
      mask.fill(1, b * S, b * S + text.length);
    });
    const values: Record<string, Int32Array> = { input_ids: ids, attention_mask: mask };
    const feeds: Record<string, tf.Tensor> = {};
    for (const { name } of this.#model.inputs) {
      feeds[name] = tf.tensor2d(values[name] ?? new Int32Array(ids.length), shape, 'int32');
    }
    return this.#model.execute(feeds, OUTPUT) as tf.Tensor2D;
  }

  #requireNormalize(wanted: boolean | undefined): void {
    if (wanted !== false || !this.#settings.normalize) return;
    throw new OptionError(
      'the graph of this model ends in normalization (received false)',
      'normalize',
      'leave it out, or export the model without its Normalize module',
    );
  }

  #promptOf(options: EncodeOptions): string {
    const { defaultPromptName, poolsPrompt, prompts } = this.#settings;
    const prompt = promptOf(prompts, defaultPromptName, options);
    if (prompt === '' || poolsPrompt) return prompt;
    throw new OptionError(
      'this model leaves the tokens of a prompt out of its pooling, which a graph has no input for',
      'prompt',
      "give prompt: '', or encode in Node with Embedder of @uniem/core",
    );
  }
}

function requireCount(value: number, option: string): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new OptionError(`must be a whole number above 0 (received ${value})`, option, 'give 1 or more');
}

/** The cosine of two vectors; 0 where one of them is nothing but zeros. */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) {
    throw new OptionError(`vectors of ${a.length} and ${b.length} values`, 'cosine', 'give two of the same model');
  }
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa > 0 && bb > 0 ? dot / Math.sqrt(aa * bb) : 0;
}
