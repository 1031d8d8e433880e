/** A text-embedding model: tokenizer, encoder, pooling. */

import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import * as tf from '@tensorflow/tfjs';
import type { HubOptions } from '@uniem/hub';

import { type ModelConfig, POOLING_STRATEGIES, type PoolingStrategy, parseConfig } from './config.ts';
import { ensureEngine } from './engine.ts';
import { OptionError } from './errors.ts';
import { openCheckpoint } from './formats/checkpoint.ts';
import { readJson, writeFolderWhole } from './formats/files.ts';
import { modelFolder } from './formats/model-folder.ts';
import { writeSafetensors } from './formats/safetensors.ts';
import { readSentenceTransformers, writeSentenceTransformers } from './formats/sentence-transformers.ts';
import { familyOf } from './models/index.ts';
import { addedRows } from './models/layers.ts';
import type { DropoutState } from './operations/dropout.ts';
import { downloadParameters, loadParameters, type Parameters, parameter } from './parameters.ts';
import { pool } from './pooling.ts';
import { ProgressBar } from './progress.ts';
import { normalize } from './similarity.ts';
import { packTokens, type TokenBatch } from './token-batch.ts';
import { TOKENIZER_FILES, Tokenizer } from './tokenizer.ts';

export interface EmbedderOptions {
  /** Overrides what the folder says. */
  poolingStrategy?: PoolingStrategy;
  /** Tokens a text, special tokens included; overrides what the folder says. */
  maxLength?: number;
  /** Another hub, token or cache than the environment names. */
  hub?: HubOptions;
}

export interface EncodeOptions {
  /** Texts a batch. */
  batchSize?: number;
  /** Divide by the length; left out, what the model's folder says. */
  normalize?: boolean;
  /** 'auto' shows a bar on a terminal. */
  progressBar?: boolean | 'auto';
  /** Tokens a text; at most the model's own limit. */
  maxLength?: number;
}

export class Embedder {
  readonly folder: string;
  readonly config: ModelConfig;
  readonly parameters: Parameters;
  readonly poolingStrategy: PoolingStrategy;
  /** Whether the model's own layout ends in normalization. */
  readonly normalize: boolean;
  /** Tokens a text is cut to. */
  readonly maxLength: number;
  #tokenizer: Tokenizer;
  /** Whether the tokenizer is no longer the one of the folder's files. */
  #tokenizerGrew = false;

  private constructor(fields: {
    folder: string;
    config: ModelConfig;
    parameters: Parameters;
    tokenizer: Tokenizer;
    poolingStrategy: PoolingStrategy;
    normalize: boolean;
    maxLength: number;
  }) {
    this.folder = fields.folder;
    this.config = fields.config;
    this.parameters = fields.parameters;
    this.#tokenizer = fields.tokenizer;
    this.poolingStrategy = fields.poolingStrategy;
    this.normalize = fields.normalize;
    this.maxLength = fields.maxLength;
  }

  /**
   * Opens a model folder: sentence-transformers' layout, uniem's, or a plain transformers folder (pooled by last_mean).
   * The weights go to the engine in use; where there is none yet, the fastest that starts becomes it.
   *
   * @param model A folder, or `owner/name` or `owner/name@revision` of the hub.
   * @throws ModelError saying which file, tensor or key is wrong; HubError for what the hub says against it.
   */
  static async fromPretrained(model: string, options: EmbedderOptions = {}): Promise<Embedder> {
    if (options.poolingStrategy && !POOLING_STRATEGIES.includes(options.poolingStrategy)) {
      throw new OptionError(
        `unknown strategy '${options.poolingStrategy}'`,
        'poolingStrategy',
        `use one of ${POOLING_STRATEGIES.join(', ')}`,
      );
    }
    const folder = await modelFolder(model, options.hub);
    const layout = readSentenceTransformers(folder);
    const encoderFolder = join(folder, layout?.encoderPath ?? '');
    const configPath = join(encoderFolder, 'config.json');
    const config = parseConfig(readJson(configPath), configPath);
    const family = familyOf(config);
    const { path, tensors } = openCheckpoint(encoderFolder);
    await ensureEngine();
    const tokenizer = Tokenizer.fromFolder(encoderFolder);
    const maxLength = options.maxLength ?? layout?.maxLength ?? tokenizer.modelMaxLength ?? config.maxPositions;
    return new Embedder({
      folder: encoderFolder,
      config,
      parameters: loadParameters(
        tensors,
        family.shapes(config),
        family.optional(config),
        family.prefix,
        path,
        family.aliases,
      ),
      tokenizer,
      poolingStrategy: options.poolingStrategy ?? layout?.poolingStrategy ?? config.poolingStrategy ?? 'last_mean',
      normalize: layout?.normalize ?? false,
      maxLength: Math.min(maxLength, config.maxPositions),
    });
  }

  /**
   * Embeds a packed batch; differentiable by the parameters. Call inside tf.tidy or a gradient function.
   *
   * @param dropout The step's dropout state while training; left out, dropout is off.
   * @param gradientCheckpointing Whether layers are computed again in backward: less memory, about a third more time.
   * @returns float32 [B, H], not normalized.
   */
  embed(batch: TokenBatch, dropout?: DropoutState, gradientCheckpointing = false): tf.Tensor2D {
    const run = { parameters: this.parameters, batch, state: dropout, checkpointing: gradientCheckpointing };
    const output = familyOf(this.config).forward(this.config, run);
    return pool(output, batch, this.poolingStrategy);
  }

  /**
   * Embeds texts, one float32 vector [H] a text, in the order given. Texts are batched by length, so the order they
   * come in costs nothing; an empty text is its special tokens; a text past maxLength is cut.
   */
  async encode(texts: readonly string[], options: EncodeOptions = {}): Promise<Float32Array[]> {
    const { batchSize = 32, progressBar = 'auto', normalize: unit = this.normalize } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new OptionError(`must be a whole number above 0 (received ${batchSize})`, 'batchSize', 'give 1 or more');
    }
    const maxLength = Math.min(options.maxLength ?? this.maxLength, this.maxLength);
    const ids = texts.map((text) => this.tokenizer.encode(text, maxLength));
    const order = ids.map((_, i) => i).sort((a, b) => (ids[b] as Int32Array).length - (ids[a] as Int32Array).length);
    const vectors = new Array<Float32Array>(texts.length);
    const bar = new ProgressBar('encode', texts.length, progressBar);
    for (let start = 0; start < order.length; start += batchSize) {
      const rows = order.slice(start, start + batchSize);
      const embeddings = tf.tidy(() => {
        const pooled = this.embed(packTokens(rows.map((row) => ids[row] as Int32Array)));
        return unit ? normalize(pooled) : pooled;
      });
      const values = (await embeddings.data()) as Float32Array;
      embeddings.dispose();
      const H = values.length / rows.length;
      rows.forEach((row, i) => {
        vectors[row] = values.slice(i * H, (i + 1) * H);
      });
      bar.update(start + rows.length);
    }
    bar.end();
    return vectors;
  }

  get tokenizer(): Tokenizer {
    return this.#tokenizer;
  }

  /** The name of the table of word embeddings, `.weight` left out. */
  get wordEmbeddings(): string {
    const [first] = familyOf(this.config).shapes(this.config).keys(); // every family names it first
    return (first as string).replace(/\.weight$/, '');
  }

  /**
   * Gives the tokenizer new special tokens; their embeddings are the caller's, under `addedRows(wordEmbeddings)`.
   *
   * @throws OptionError for a token there is, and for a table that has rows without a token.
   */
  addSpecialTokens(tokens: readonly string[]): void {
    const rows = this.parameters.get(`${this.wordEmbeddings}.weight`)?.shape[0];
    if (rows !== this.#tokenizer.size) {
      throw new OptionError(
        `the model has ${rows} word embeddings for ${this.#tokenizer.size} tokens`,
        'special tokens',
        'use a model whose tables have one row a token',
      );
    }
    this.#tokenizer = this.#tokenizer.withSpecialTokens(tokens);
    this.#tokenizerGrew = true;
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

  /** Writes the model in the sentence-transformers layout; the folder appears whole or not at all. */
  async save(folder: string): Promise<void> {
    const tensors = await downloadParameters(this.parameters);
    writeFolderWhole(folder, (partial) => {
      const config = { ...this.config.raw, uniem_pooling_strategy: this.poolingStrategy };
      writeFileSync(join(partial, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
      writeSafetensors(join(partial, 'model.safetensors'), tensors);
      for (const file of TOKENIZER_FILES) {
        if (existsSync(join(this.folder, file))) copyFileSync(join(this.folder, file), join(partial, file));
      }
      if (this.#tokenizerGrew) {
        writeFileSync(join(partial, 'tokenizer.json'), JSON.stringify(this.#tokenizer.toJson()));
      }
      const { poolingStrategy, normalize, maxLength } = this;
      writeSentenceTransformers(partial, { poolingStrategy, normalize, maxLength, hiddenSize: this.config.hiddenSize });
    });
  }

  /** Frees the parameters. */
  dispose(): void {
    tf.dispose([...this.parameters.values()]);
    this.parameters.clear();
  }
}
