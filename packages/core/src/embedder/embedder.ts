/** A text-embedding model: tokenizer, encoder, pooling. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import * as tf from '@tensorflow/tfjs-core';
import type { HubOptions } from '@uniem/hub';
import { ensureEngine } from '../engine/engine.ts';
import { OptionError } from '../errors.ts';
import { writeFolderWhole } from '../formats/files.ts';
import { modelFolder } from '../formats/model-folder.ts';
import type { ModelConfig, PoolingStrategy } from '../models/config.ts';
import type { EncoderOutput } from '../models/family.ts';
import { familyOf } from '../models/index.ts';
import { addedRows } from '../models/layers.ts';
import { downloadParameters, type Parameters, parameter } from '../models/parameters.ts';
import { pool } from '../models/pooling.ts';
import type { DropoutState } from '../operations/dropout.ts';
import { normalize } from '../operations/similarity.ts';
import { ProgressBar } from '../progress.ts';
import { batchesByLength, packTokens, type TokenBatch } from '../tokenizer/token-batch.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { runHead } from './head.ts';
import { type OpenedModel, type OpenOptions, openModel } from './open-model.ts';
import { type PromptOptions, promptOf, withPrompt } from './prompts.ts';
import { type ModelParts, writeModel } from './save-model.ts';
import { isInLayout, requireSaveable } from './sentence-transformers.ts';

export interface EmbedderOptions extends OpenOptions {
  /** Another hub, token or cache than the environment names. */
  hub?: HubOptions;
}

export interface EncodeOptions extends PromptOptions {
  /** Texts a batch; short ones are more, up to the tokens of so many texts of 128. */
  batchSize?: number;
  /** Divide by the length; left out, what the model's folder says. */
  normalize?: boolean;
  /** 'auto' shows a bar on a terminal. */
  progressBar?: boolean | 'auto';
  /** Tokens a text; at most the model's own limit. */
  maxLength?: number;
  /** Leading values of a vector that are kept, as of a Matryoshka model; left out, what the model's folder says. */
  truncateDim?: number;
}

export class Embedder {
  readonly parameters: Parameters;
  readonly #model: OpenedModel;

  private constructor(model: OpenedModel) {
    this.#model = model;
    this.parameters = model.load();
  }

  /**
   * Opens a model folder: sentence-transformers' layout, uniem's, or a plain transformers folder (pooled by last_mean).
   * The weights go to the engine in use; where there is none yet, the fastest that starts becomes it.
   *
   * @param model A folder, or `owner/name` or `owner/name@revision` of the hub.
   * @throws ModelError saying which file, tensor or key is wrong; HubError for what the hub says against it.
   */
  static async fromPretrained(model: string, options: EmbedderOptions = {}): Promise<Embedder> {
    const { hub, ...rest } = options;
    const opened = openModel(await modelFolder(model, hub), rest);
    await ensureEngine();
    return new Embedder(opened);
  }

  /** The folder of the encoder. */
  get folder(): string {
    return this.#model.folder;
  }

  get config(): ModelConfig {
    return this.#model.config;
  }

  get poolingStrategy(): PoolingStrategy | readonly PoolingStrategy[] {
    const { strategies } = this.#model.layout.pooling;
    return strategies.length === 1 ? (strategies[0] as PoolingStrategy) : strategies;
  }

  /** Where the pooling was found, in words. */
  get poolingReason(): string {
    return this.#model.poolingReason;
  }

  /** Values of a vector. */
  get dimension(): number {
    const { head, pooling } = this.#model.layout;
    const last = head.findLast((module) => module.type === 'Dense');
    return last?.outFeatures ?? this.config.hiddenSize * pooling.strategies.length;
  }

  /** Whether modules follow the pooling, but for a normalization at the end. */
  get hasHead(): boolean {
    return this.#model.layout.head.length > 0;
  }

  /** Whether the model's own layout ends in normalization. */
  get normalize(): boolean {
    return this.#model.layout.normalize;
  }

  /** Leading values of a vector that the model's folder says to keep; undefined, all. */
  get truncateDim(): number | undefined {
    return this.#model.layout.settings.truncate_dim ?? undefined;
  }

  /** Tokens a text is cut to. */
  get maxLength(): number {
    return this.#model.maxLength;
  }

  /** Texts are cut to so many tokens from now on, also when saved; to what the model has positions for at most. */
  set maxLength(tokens: number) {
    this.#model.maxLength = Math.min(tokens, this.config.maxPositions);
  }

  /** Texts that `encode` can put before each text, by name. */
  get prompts(): Readonly<Record<string, string>> {
    return this.#model.layout.settings.prompts;
  }

  /** The prompt that `encode` takes where none is given; null, none. */
  get defaultPromptName(): string | null {
    return this.#model.layout.settings.default_prompt_name;
  }

  /** Whether texts are lower-cased before the tokenizer's own normalization. */
  get lowerCase(): boolean {
    return this.#model.layout.lowerCase;
  }

  /** Whether the tokens of a prompt are pooled with those of the text. */
  get poolsPrompt(): boolean {
    return this.#model.layout.pooling.includePrompt;
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
    const { config } = this.#model;
    const run = { parameters: this.parameters, batch, state: dropout, checkpointing: gradientCheckpointing };
    if (batch.inputIds.length > 0) return this.#pooled(familyOf(config).forward(config, run), batch, skip);
    const none = tf.zeros<tf.Rank.R2>([batch.offsets.length - 1, config.hiddenSize]); // a StaticEmbedding has no special tokens
    return runHead(this.#model.layout.head, this.parameters, none);
  }

  #pooled(output: EncoderOutput, batch: TokenBatch, skip: number): tf.Tensor2D {
    const { pooling, head } = this.#model.layout;
    return runHead(head, this.parameters, pool(output, batch, pooling.strategies, skip));
  }

  /**
   * What a packed batch of at least one token becomes by the model's own settings: the encoder's last hidden state
   * [T, H], and the vectors that `encode` gives [B, values], both float32. Call inside tf.tidy.
   */
  outputs(batch: TokenBatch): { lastHiddenState: tf.Tensor2D; sentenceEmbedding: tf.Tensor2D } {
    const { config } = this.#model;
    const run = { parameters: this.parameters, batch, state: undefined, checkpointing: false };
    const output = familyOf(config).forward(config, run);
    const embedded = this.#pooled(output, batch, 0);
    const unit = this.normalize ? normalize(embedded) : embedded;
    return { lastHiddenState: output.last, sentenceEmbedding: truncated(unit, this.truncateDim) };
  }

  /**
   * Embeds texts, one float32 vector a text, in the order given. Texts are batched by length, so the order they
   * come in costs nothing; an empty text is its special tokens; a text past maxLength is cut.
   */
  async encode(texts: readonly string[], options: EncodeOptions = {}): Promise<Float32Array[]> {
    const { layout } = this.#model;
    const { batchSize = 32, progressBar = 'auto', normalize: unit = this.normalize } = options;
    const { truncateDim = this.truncateDim } = options;
    requireCount(batchSize, 'batchSize');
    if (truncateDim !== undefined) requireCount(truncateDim, 'truncateDim');
    const maxLength = Math.min(options.maxLength ?? this.maxLength, this.maxLength);
    const prompt = promptOf(this.prompts, this.defaultPromptName, options);
    const skip = prompt !== '' && !layout.pooling.includePrompt ? this.tokenizer.promptLength(prompt) : 0;
    const ids = texts.map((text) => this.tokenizer.encode(prompt + text, maxLength));
    const vectors = new Array<Float32Array>(texts.length);
    const bar = new ProgressBar('encode', texts.length, progressBar);
    let done = 0;
    for (const rows of batchesByLength(
      ids.map(({ length }) => length),
      batchSize,
    )) {
      const embeddings = tf.tidy(() => {
        const batch = packTokens(rows.map((row) => ids[row] as Int32Array));
        const embedded = this.embed(batch, undefined, false, skip);
        // As sentence-transformers: the layout normalizes before the cut, the caller after it.
        if (options.normalize) return normalize(truncated(embedded, truncateDim));
        return truncated(unit ? normalize(embedded) : embedded, truncateDim);
      });
      const values = (await embeddings.data()) as Float32Array;
      embeddings.dispose();
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

  /** Embeds what is looked for: `encode` with the model's prompt `query`; none where it has no such prompt. */
  encodeQuery(texts: readonly string[], options: EncodeOptions = {}): Promise<Float32Array[]> {
    return this.encode(texts, withPrompt(this.prompts, 'query', options));
  }

  /** Embeds what is searched: `encode` with the model's prompt `document`; none where it has no such prompt. */
  encodeDocument(texts: readonly string[], options: EncodeOptions = {}): Promise<Float32Array[]> {
    return this.encode(texts, withPrompt(this.prompts, 'document', options));
  }

  get tokenizer(): Tokenizer {
    return this.#model.tokenizer;
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
    this.#model.tokenizer = before.withSpecialTokens(tokens);
    return () => {
      this.#model.tokenizer = before;
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
    return isInLayout(this.#model.layout);
  }

  /** @throws OptionError for a pooling that no saved folder has a name for. */
  requireSaveable(): void {
    requireSaveable(this.#model.layout);
  }

  /**
   * Writes the model in the sentence-transformers layout; the folder appears whole or not at all.
   *
   * @param texts Further files by name, as README.md.
   */
  async save(folder: string, texts: Readonly<Record<string, string>> = {}): Promise<void> {
    await writeFolderWhole(folder, async (partial) => {
      await this.write(partial, { encoderWeights: true, modules: true });
      for (const [name, text] of Object.entries(texts)) writeFileSync(join(partial, name), text);
    });
  }

  /** Writes the model's files, or some of them, into a folder that is there. `save` makes a folder appear whole. */
  async write(folder: string, parts: ModelParts): Promise<void> {
    const { head } = this.#model.layout;
    const isOfHead = (name: string) =>
      head.some((module) => module.type === 'Dense' && name.startsWith(`${module.name}.`));
    const wanted = [...this.parameters].filter(([name]) => parts.encoderWeights || isOfHead(name));
    writeModel(folder, this.#model, await downloadParameters(new Map(wanted)), parts);
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
