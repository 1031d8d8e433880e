/** A text-embedding model: tokenizer, encoder, pooling. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import * as tf from '@tensorflow/tfjs-core';
import { NAME, NUMBER, oneOf } from '@uniem/hub/arguments';
import { BATCH, requireKind, requireList } from '../arguments.ts';
import { ensureEngine, onEngine, requirePrecision } from '../engine/engine.ts';
import { OptionError } from '../errors.ts';
import { writeFolderWhole } from '../formats/files.ts';
import type { EncoderOutput } from '../models/family.ts';
import { familyOf } from '../models/index.ts';
import { addedRows } from '../models/layers.ts';
import { downloadParameters, type Parameters, parameter } from '../models/parameters.ts';
import { pool } from '../models/pooling.ts';
import { PRECISIONS, type Precision } from '../names.ts';
import type { DropoutState } from '../operations/dropout.ts';
import { withPrecision } from '../operations/precision.ts';
import { normalize } from '../operations/similarity.ts';
import { ProgressBar } from '../progress.ts';
import { batchesByLength, packTokens, type TokenBatch } from '../tokenizer/token-batch.ts';
import { checkEmbedderOptions, checkEncodeOptions, checkFileTexts } from './embedder-options.ts';
import { runHead } from './head.ts';
import { openPretrained, type PretrainedModel, type PretrainedOptions } from './open-pretrained.ts';
import { withPrompt } from './prompts.ts';
import { type ModelParts, writeModel, writeSurroundings } from './save-model.ts';
import { isInLayout, requireSaveable } from './sentence-transformers.ts';
import { TextModel, type TokenizeOptions } from './text-model.ts';

/** How a model is opened. */
export interface EmbedderOptions extends PretrainedOptions {
  /** Arithmetic of the model's matrix products. */
  precision?: Precision | undefined;
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

/** Texts to vectors, one for each: what evaluation and mining need of a model. */
export type EncodeTexts = (texts: readonly string[], options?: EncodeOptions) => Promise<Float32Array[]>;

export class Embedder extends TextModel {
  readonly parameters: Parameters;
  /** Arithmetic of its matrix products, whatever other models compute in. */
  readonly precision: Precision;
  /** Where it was opened and computes, whatever engine is current. */
  readonly engine: string;

  private constructor(model: PretrainedModel, parameters: Parameters, engine: string, precision: Precision) {
    super(model);
    this.parameters = parameters;
    this.engine = engine;
    this.precision = precision;
  }

  /**
   * Opens a model folder: sentence-transformers' layout, uniem's, a plain transformers folder (pooled by last_mean), or
   * an adapter of PEFT, which is merged into its base model.
   * The weights go to the engine in use; where there is none yet, the fastest that starts becomes it.
   *
   * @param model A folder, or `owner/name` or `owner/name@revision` of the hub.
   * @throws ModelError saying which file, tensor or key is wrong; HubError for what the hub says against it.
   */
  static override async fromPretrained(model: string, options: EmbedderOptions = {}): Promise<Embedder> {
    checkEmbedderOptions(model, options);
    const { precision = 'fp32', ...rest } = options;
    const opened = await openPretrained(model, rest);
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
    requireKind(precision, oneOf(...PRECISIONS), 'precision');
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
    requireKind(batch, BATCH, 'batch');
    const run = { parameters: this.parameters, batch, state: dropout, checkpointing: gradientCheckpointing };
    const forward = () => {
      if (batch.inputIds.length > 0) return this.#pooled(familyOf(config).forward(config, run), batch, skip);
      const none = tf.zeros<tf.Rank.R2>([batch.offsets.length - 1, config.hiddenSize]); // a StaticEmbedding has no special tokens
      return runHead(layout.head, this.parameters, none);
    };
    return this.compute(() => withPrecision(this.precision, forward));
  }

  #pooled(output: EncoderOutput, batch: TokenBatch, skip: number): tf.Tensor2D {
    const { pooling, head } = this.model.layout;
    return runHead(head, this.parameters, pool(output, batch, pooling.strategies, skip));
  }

  /**
   * What a packed batch of at least one token becomes by the model's own settings, in fp32 and on the current engine: the
   * encoder's last hidden state [T, H], and the vectors that `encode` gives [B, values], both float32. Call inside tf.tidy.
   */
  outputs(batch: TokenBatch): { lastHiddenState: tf.Tensor2D; sentenceEmbedding: tf.Tensor2D } {
    const { config } = this.model;
    requireKind(batch, BATCH, 'batch');
    const run = { parameters: this.parameters, batch, state: undefined, checkpointing: false };
    const output = familyOf(config).forward(config, run);
    const embedded = this.#pooled(output, batch, 0);
    const unit = this.normalize ? normalize(embedded) : embedded;
    return { lastHiddenState: output.last, sentenceEmbedding: truncated(unit, this.truncateDim) };
  }

  /**
   * Embeds texts, one float32 vector a text, in the order given; one text gives its vector. Texts are batched by length,
   * so the order they come in costs nothing; an empty text is its special tokens; a text past maxLength is cut.
   *
   * @throws OptionError naming the index of what is no string; ModelError after `dispose`.
   */
  async encode(text: string, options?: EncodeOptions): Promise<Float32Array>;
  async encode(texts: readonly string[], options?: EncodeOptions): Promise<Float32Array[]>;
  async encode(texts: string | readonly string[], options?: EncodeOptions): Promise<Float32Array | Float32Array[]>;
  async encode(given: string | readonly string[], options: EncodeOptions = {}): Promise<Float32Array | Float32Array[]> {
    const texts = typeof given === 'string' ? [given] : given;
    const { ids, skip } = this.tokenize(texts, options);
    const { batchSize = 32, progressBar = 'auto' } = options;
    const vectors = new Array<Float32Array>(texts.length);
    const bar = new ProgressBar('encode', texts.length, progressBar);
    let done = 0;
    for (const rows of batchesByLength(
      ids.map(({ length }) => length),
      batchSize,
    )) {
      const batch = packTokens(rows.map((row) => ids[row] as Int32Array));
      const values = await this.encodeTokens(batch, {
        normalize: options.normalize,
        truncateDim: options.truncateDim,
        skip,
      });
      const H = values.length / rows.length;
      rows.forEach((row, i) => {
        vectors[row] = values.slice(i * H, (i + 1) * H);
      });
      done += rows.length;
      bar.update(done);
    }
    bar.end();
    return typeof given === 'string' ? (vectors[0] as Float32Array) : vectors;
  }

  /**
   * Embeds texts that are tokens already, as `tokenize` makes them.
   *
   * @param options.skip Tokens at each text's start that are not pooled.
   * @returns float32 [B, values], one vector after the other.
   */
  async encodeTokens(batch: TokenBatch, options: VectorOptions & { skip?: number } = {}): Promise<Float32Array> {
    checkEncodeOptions(options);
    const { truncateDim = this.truncateDim } = options;
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
  async encodeQuery(text: string, options?: EncodeOptions): Promise<Float32Array>;
  async encodeQuery(texts: readonly string[], options?: EncodeOptions): Promise<Float32Array[]>;
  async encodeQuery(
    texts: string | readonly string[],
    options: EncodeOptions = {},
  ): Promise<Float32Array | Float32Array[]> {
    checkEncodeOptions(options);
    return this.encode(texts, withPrompt(this.prompts, 'query', options));
  }

  /** Embeds what is searched: `encode` with the model's prompt `document`; none where it has no such prompt. */
  async encodeDocument(text: string, options?: EncodeOptions): Promise<Float32Array>;
  async encodeDocument(texts: readonly string[], options?: EncodeOptions): Promise<Float32Array[]>;
  async encodeDocument(
    texts: string | readonly string[],
    options: EncodeOptions = {},
  ): Promise<Float32Array | Float32Array[]> {
    checkEncodeOptions(options);
    return this.encode(texts, withPrompt(this.prompts, 'document', options));
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
    const model = this.model;
    requireList(tokens, NAME, 'tokens');
    const rows = this.parameters.get(`${this.wordEmbeddings}.weight`)?.shape[0];
    if (rows !== this.tokenizer.size) {
      throw new OptionError(
        `the model has ${rows} word embeddings for ${this.tokenizer.size} tokens`,
        'special tokens',
        'use a model whose tables have one row a token',
      );
    }
    const { tokenizer: before } = model;
    model.tokenizer = before.withSpecialTokens(tokens);
    return () => {
      model.tokenizer = before;
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
    const isProbability = (value: unknown) => NUMBER.is(value) && (value as number) >= 0 && (value as number) <= 1;
    requireKind(probability, { name: 'a probability from 0 to 1', is: isProbability }, 'dropout');
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
    requireKind(folder, NAME, 'folder');
    checkFileTexts(texts);
    this.model; // says so where it was disposed of
    await writeFolderWhole(folder, async (partial) => {
      await this.write(partial, { encoderWeights: true, modules: true });
      for (const [name, text] of Object.entries(texts)) writeFileSync(join(partial, name), text);
    });
  }

  /** Writes the model's files, or some of them, into a folder that is there. `save` makes a folder appear whole. */
  async write(folder: string, parts: ModelParts): Promise<void> {
    const model = this.model;
    requireKind(folder, NAME, 'folder');
    const parameters = parts.encoderWeights ? this.parameters : this.#headParameters();
    writeModel(folder, model, await downloadParameters(parameters), parts);
  }

  /** Writes the tokenizer and the modules around the encoder, without its weights, into a folder that is there. */
  async saveSurroundings(folder: string): Promise<void> {
    const model = this.model;
    requireKind(folder, NAME, 'folder');
    writeSurroundings(folder, model, await downloadParameters(this.#headParameters()));
  }

  #headParameters(): Parameters {
    const { head } = this.model.layout;
    const isOfHead = (name: string) =>
      head.some((module) => module.type === 'Dense' && name.startsWith(`${module.name}.`));
    return new Map([...this.parameters].filter(([name]) => isOfHead(name)));
  }

  /** Frees the parameters; whatever is asked of the model afterwards says so. Once more changes nothing. */
  override dispose(): void {
    super.dispose();
    tf.dispose([...this.parameters.values()]);
    this.parameters.clear();
  }
}

/** @param x float32 [B, values] */
function truncated(x: tf.Tensor2D, values: number | undefined): tf.Tensor2D {
  return values === undefined || values >= x.shape[1] ? x : tf.slice(x, [0, 0], [-1, values]);
}
