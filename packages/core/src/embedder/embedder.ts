/** A text-embedding model: tokenizer, encoder, pooling. */

import * as tf from '@tensorflow/tfjs-core';
import { ensureEngine, onEngine, requirePrecision } from '../engine/engine.ts';
import { OptionError } from '../errors.ts';
import { modelFolder } from '../formats/model-folder.ts';
import { familyOf } from '../models/index.ts';
import { addedRows } from '../models/layers.ts';
import { downloadParameters, type Parameters, parameter } from '../models/parameters.ts';
import { pool } from '../models/pooling.ts';
import type { DropoutState } from '../operations/dropout.ts';
import { type Precision, withPrecision } from '../operations/precision.ts';
import { normalize } from '../operations/similarity.ts';
import { ProgressBar } from '../progress.ts';
import { batchesByLength, packTokens, type TokenBatch } from '../tokenizer/token-batch.ts';
import { runHead } from './head.ts';
import { type OpenedModel, openModel } from './open-model.ts';
import { saveModel } from './save-model.ts';
import { isInLayout, requireSaveable } from './sentence-transformers.ts';
import { TextModel, type TextModelOptions, type TokenizeOptions } from './text-model.ts';

export interface EmbedderOptions extends TextModelOptions {
  /** Arithmetic of the model's matrix products. */
  precision?: Precision;
}

export interface VectorOptions {
  /** Divide by the length; left out, what the model's folder says. */
  normalize?: boolean;
  /** Leading values of a vector that are kept, as of a Matryoshka model; left out, what the model's folder says. */
  truncateDim?: number;
}

export interface EncodeOptions extends TokenizeOptions, VectorOptions {
  /** Texts a batch; short ones are more, up to the tokens of so many texts of 128. */
  batchSize?: number;
  /** 'auto' shows a bar on a terminal. */
  progressBar?: boolean | 'auto';
}

export class Embedder extends TextModel {
  readonly parameters: Parameters;
  /** Arithmetic of its matrix products, whatever other models compute in. */
  readonly precision: Precision;
  /** Where it was opened and computes, whatever engine is current. */
  readonly engine: string;

  private constructor(model: OpenedModel, parameters: Parameters, engine: string, precision: Precision) {
    super(model);
    this.parameters = parameters;
    this.engine = engine;
    this.precision = precision;
  }

  /**
   * Opens a model folder: sentence-transformers' layout, uniem's, or a plain transformers folder (pooled by last_mean).
   * The weights go to the engine in use; where there is none yet, the fastest that starts becomes it.
   *
   * @param model A folder, or `owner/name` or `owner/name@revision` of the hub.
   * @throws ModelError saying which file, tensor or key is wrong; HubError for what the hub says against it.
   */
  static override async fromPretrained(model: string, options: EmbedderOptions = {}): Promise<Embedder> {
    const { hub, precision = 'fp32', ...rest } = options;
    const opened = openModel(await modelFolder(model, hub), rest);
    const engine = await ensureEngine();
    await requirePrecision(engine, precision);
    return new Embedder(opened, onEngine(engine, opened.load), engine, precision);
  }

  /**
   * The same model in another precision: weights, tokenizer and settings are one, so a change of either is the other's.
   *
   * @throws EngineError or NativeError where the engine cannot compute so.
   */
  async inPrecision(precision: Precision): Promise<Embedder> {
    await requirePrecision(this.engine, precision);
    return new Embedder(this.model, this.parameters, this.engine, precision);
  }

  /** Runs work that ends before it returns, as a step of training, on this model's engine. */
  compute<T>(work: () => T): T {
    return onEngine(this.engine, work);
  }

  /**
   * Embeds a packed batch; differentiable by the parameters. Call inside tf.tidy or a gradient function.
   *
   * @param dropout The step's dropout state while training; left out, dropout is off.
   * @param gradientCheckpointing Whether layers are computed again in backward: less memory, about a third more time.
   * @param skip Tokens at each text's start that are not pooled.
   * @returns float32 [B, values], without the layout's normalization.
   */
  embed(batch: TokenBatch, dropout?: DropoutState, gradientCheckpointing = false, skip = 0): tf.Tensor2D {
    const { config, layout } = this.model;
    const run = { parameters: this.parameters, batch, state: dropout, checkpointing: gradientCheckpointing };
    const forward = () => {
      const pooled =
        batch.inputIds.length > 0
          ? pool(familyOf(config).forward(config, run), batch, layout.pooling.strategies, skip)
          : tf.zeros<tf.Rank.R2>([batch.offsets.length - 1, config.hiddenSize]); // a StaticEmbedding has no special tokens
      return runHead(layout.head, this.parameters, pooled);
    };
    return this.compute(() => withPrecision(this.precision, forward));
  }

  /**
   * Embeds texts, one float32 vector a text, in the order given. Texts are batched by length, so the order they
   * come in costs nothing; an empty text is its special tokens; a text past maxLength is cut.
   */
  async encode(texts: readonly string[], options: EncodeOptions = {}): Promise<Float32Array[]> {
    const { batchSize = 32, progressBar = 'auto' } = options;
    requireCount(batchSize, 'batchSize');
    const { ids, skip } = this.tokenize(texts, options);
    const vectors = new Array<Float32Array>(texts.length);
    const bar = new ProgressBar('encode', texts.length, progressBar);
    let done = 0;
    for (const rows of batchesByLength(
      ids.map(({ length }) => length),
      batchSize,
    )) {
      const batch = packTokens(rows.map((row) => ids[row] as Int32Array));
      const values = await this.encodeTokens(batch, { ...options, skip });
      const H = values.length / rows.length;
      rows.forEach((row, i) => {
        vectors[row] = values.slice(i * H, (i + 1) * H);
      });
      done += rows.length;
      bar.update(done);
    }
    bar.end();
    return vectors;
  }

  /**
   * Embeds texts that are tokens already, as `tokenize` makes them.
   *
   * @param options.skip Tokens at each text's start that are not pooled.
   * @returns float32 [B, values], one vector after the other.
   */
  async encodeTokens(batch: TokenBatch, options: VectorOptions & { skip?: number } = {}): Promise<Float32Array> {
    const { truncateDim = this.truncateDim } = options;
    if (truncateDim !== undefined) requireCount(truncateDim, 'truncateDim');
    const vectorsOf = () => {
      const embedded = this.embed(batch, undefined, false, options.skip);
      // As sentence-transformers: the layout normalizes before the cut, the caller after it.
      if (options.normalize) return normalize(truncated(embedded, truncateDim));
      return truncated((options.normalize ?? this.normalize) ? normalize(embedded) : embedded, truncateDim);
    };
    const embeddings = this.compute(() => tf.tidy(vectorsOf));
    const values = (await embeddings.data()) as Float32Array;
    embeddings.dispose();
    return values;
  }

  /** Embeds what is looked for: `encode` with the model's prompt `query`; none where it has no such prompt. */
  encodeQuery(texts: readonly string[], options: EncodeOptions = {}): Promise<Float32Array[]> {
    return this.encode(texts, this.#withPrompt('query', options));
  }

  /** Embeds what is searched: `encode` with the model's prompt `document`; none where it has no such prompt. */
  encodeDocument(texts: readonly string[], options: EncodeOptions = {}): Promise<Float32Array[]> {
    return this.encode(texts, this.#withPrompt('document', options));
  }

  /** As sentence-transformers 6.2, where every model has both prompts, empty if it names none: no default comes in. */
  #withPrompt(name: string, options: EncodeOptions): EncodeOptions {
    if (options.prompt !== undefined || options.promptName !== undefined) return options;
    return { ...options, prompt: Object.hasOwn(this.prompts, name) ? (this.prompts[name] as string) : '' };
  }

  /** The name of the table of word embeddings, `.weight` left out. */
  get wordEmbeddings(): string {
    const [first] = familyOf(this.config).shapes(this.config).keys(); // every family names it first
    return (first as string).replace(/\.weight$/, '');
  }

  /**
   * Gives the tokenizer new special tokens; their embeddings are the caller's, under `addedRows(wordEmbeddings)`.
   *
   * @returns Takes the tokens away again.
   * @throws OptionError for a token there is, and for a table that has rows without a token.
   */
  addSpecialTokens(tokens: readonly string[]): () => void {
    const rows = this.parameters.get(`${this.wordEmbeddings}.weight`)?.shape[0];
    if (rows !== this.tokenizer.size) {
      throw new OptionError(
        `the model has ${rows} word embeddings for ${this.tokenizer.size} tokens`,
        'special tokens',
        'use a model whose tables have one row a token',
      );
    }
    const { tokenizer: before } = this;
    this.model.tokenizer = before.withSpecialTokens(tokens);
    return () => {
      this.model.tokenizer = before;
    };
  }

  /** Makes the added rows a part of the table of word embeddings, as the config says from now on. */
  adoptAddedRows(): void {
    const name = this.wordEmbeddings;
    const [table, added] = [`${name}.weight`, addedRows(name)].map((key) => parameter(this.parameters, key));
    const whole = tf.tidy(() => tf.variable(tf.concat([table as tf.Tensor, added as tf.Tensor], 0)));
    this.parameters.set(`${name}.weight`, whole);
    this.parameters.delete(addedRows(name));
    tf.dispose([table, added] as tf.Tensor[]);
    this.config.raw = { ...this.config.raw, vocab_size: whole.shape[0] };
  }

  /** Sets every dropout probability of training; config.json keeps its own. */
  setDropout(probability: number): void {
    this.config.dropout = { embedding: probability, hidden: probability, attention: probability };
  }

  /** Whether sentence-transformers opens what `save` writes: its layout has no name for poolings of two layers. */
  get opensInSentenceTransformers(): boolean {
    return isInLayout(this.model.layout);
  }

  /** @throws OptionError for a pooling that no saved folder has a name for. */
  requireSaveable(): void {
    requireSaveable(this.model.layout);
  }

  /**
   * Writes the model in the sentence-transformers layout; the folder appears whole or not at all.
   *
   * @param texts Further files by name, as README.md.
   */
  async save(folder: string, texts: Readonly<Record<string, string>> = {}): Promise<void> {
    const tensors = await downloadParameters(this.parameters);
    saveModel(folder, this.model, tensors, texts);
  }

  /** Frees the parameters. */
  dispose(): void {
    tf.dispose([...this.parameters.values()]);
    this.parameters.clear();
  }
}

function requireCount(value: number, option: string): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new OptionError(`must be a whole number above 0 (received ${value})`, option, 'give 1 or more');
}

/** @param x float32 [B, values] */
function truncated(x: tf.Tensor2D, values: number | undefined): tf.Tensor2D {
  return values === undefined || values >= x.shape[1] ? x : tf.slice(x, [0, 0], [-1, values]);
}
