/** A text-embedding model: tokenizer, encoder, pooling. */

import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import * as tf from '@tensorflow/tfjs';
import type { HubOptions } from '@uniem/hub';

import { type ModelConfig, POOLING_STRATEGIES, type PoolingStrategy } from './config.ts';
import { ensureEngine } from './engine.ts';
import { ModelError, OptionError } from './errors.ts';
import { type Checkpoint, openCheckpoint } from './formats/checkpoint.ts';
import { openEncoder, openStaticEmbedding } from './formats/encoder.ts';
import { writeFolderWhole } from './formats/files.ts';
import { modelFolder } from './formats/model-folder.ts';
import { writeSafetensors } from './formats/safetensors.ts';
import {
  NO_SETTINGS,
  type PoolingLayout,
  readSentenceTransformers,
  type SentenceTransformersLayout,
  writeSentenceTransformers,
} from './formats/sentence-transformers.ts';
import { type DenseModule, type HeadModule, runHead } from './head.ts';
import { familyOf } from './models/index.ts';
import { addedRows, Shapes } from './models/layers.ts';
import type { DropoutState } from './operations/dropout.ts';
import { downloadParameters, loadParameters, type Parameters, parameter } from './parameters.ts';
import { pool } from './pooling.ts';
import { ProgressBar } from './progress.ts';
import { normalize } from './similarity.ts';
import { packTokens, type TokenBatch } from './token-batch.ts';
import { TOKENIZER_FILES, Tokenizer } from './tokenizer.ts';

export interface EmbedderOptions {
  /** Overrides what the folder says; several give their vectors one after the other. */
  poolingStrategy?: PoolingStrategy | readonly PoolingStrategy[];
  /** Tokens a text, special tokens included; overrides what the folder says. */
  maxLength?: number;
  /** Another hub, token or cache than the environment names. */
  hub?: HubOptions;
  /** Open the encoder of the folder alone, without the modules of sentence-transformers' layout. */
  encoderOnly?: boolean;
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
  /** Put before every text; left out, the model's default prompt, if it has one. */
  prompt?: string;
  /** The name of one of the model's prompts. */
  promptName?: string;
}

/** All that a model is, beside the tokenizer. */
interface Parts {
  folder: string;
  config: ModelConfig;
  parameters: Parameters;
  layout: SentenceTransformersLayout | undefined;
  pooling: PoolingLayout;
  poolingReason: string;
  maxLength: number;
}

export class Embedder {
  /** The folder of the encoder. */
  readonly folder: string;
  readonly config: ModelConfig;
  readonly parameters: Parameters;
  readonly poolingStrategy: PoolingStrategy | readonly PoolingStrategy[];
  /** Where the pooling was found, in words. */
  readonly poolingReason: string;
  /** Whether the model's own layout ends in normalization. */
  readonly normalize: boolean;
  /** Tokens a text is cut to. */
  readonly maxLength: number;
  /** Texts that `encode` can put before each text, by name. */
  readonly prompts: Readonly<Record<string, string>>;
  readonly #layout: SentenceTransformersLayout | undefined;
  readonly #pooling: PoolingLayout;
  #tokenizer: Tokenizer;
  /** Whether the tokenizer is no longer the one of the folder's files. */
  #tokenizerGrew = false;

  private constructor(parts: Parts, tokenizer: Tokenizer) {
    const { strategies } = parts.pooling;
    this.folder = parts.folder;
    this.config = parts.config;
    this.parameters = parts.parameters;
    this.poolingStrategy = strategies.length === 1 ? (strategies[0] as PoolingStrategy) : strategies;
    this.poolingReason = parts.poolingReason;
    this.normalize = parts.layout?.normalize ?? false;
    this.maxLength = parts.maxLength;
    this.prompts = parts.layout?.settings.prompts ?? {};
    this.#layout = parts.layout;
    this.#pooling = parts.pooling;
    this.#tokenizer = tokenizer;
  }

  /**
   * Opens a model folder: sentence-transformers' layout, uniem's, or a plain transformers folder (pooled by last_mean).
   * The weights go to the engine in use; where there is none yet, the fastest that starts becomes it.
   *
   * @param model A folder, or `owner/name` or `owner/name@revision` of the hub.
   * @throws ModelError saying which file, tensor or key is wrong; HubError for what the hub says against it.
   */
  static async fromPretrained(model: string, options: EmbedderOptions = {}): Promise<Embedder> {
    requireStrategies(options.poolingStrategy);
    const root = await modelFolder(model, options.hub);
    const layout = options.encoderOnly ? undefined : readSentenceTransformers(root);
    const folder = join(root, layout?.encoderPath ?? '');
    const isStatic = layout?.isStatic ?? false;
    const { config, checkpoint } = isStatic ? openStaticEmbedding(folder) : openEncoder(folder);
    const { pooling, poolingReason } = choosePooling(options.poolingStrategy, layout, config);
    const head = layout?.head ?? [];
    requireWidths(head, config.hiddenSize * pooling.strategies.length, root);
    const dense = [...(layout?.densePaths ?? [])].map(([name, path]) => ({
      module: head.find((module) => module.type === 'Dense' && module.name === name) as DenseModule,
      checkpoint: openCheckpoint(join(root, path)),
    }));
    await ensureEngine();
    const tokenizer = Tokenizer.fromFolder(folder, { lowerCase: layout?.lowerCase, addSpecialTokens: !isStatic });
    if (isStatic) requireRows(config, tokenizer, checkpoint.path);
    const own = isStatic ? tokenizer.truncation : tokenizer.modelMaxLength;
    const maxLength = options.maxLength ?? layout?.maxLength ?? own ?? config.maxPositions;
    const parameters: Parameters = new Map();
    try {
      for (const [name, variable] of loadEncoder(config, checkpoint)) parameters.set(name, variable);
      for (const { module, checkpoint } of dense) {
        for (const [name, variable] of loadDense(module, checkpoint))
          parameters.set(`${module.name}.${name}`, variable);
      }
    } catch (error) {
      tf.dispose([...parameters.values()]);
      throw error;
    }
    return new Embedder(
      {
        folder,
        config,
        parameters,
        layout,
        pooling,
        poolingReason,
        maxLength: Math.min(maxLength, config.maxPositions),
      },
      tokenizer,
    );
  }

  /**
   * Embeds a packed batch; differentiable by the parameters. Call inside tf.tidy or a gradient function.
   *
   * @param dropout The step's dropout state while training; left out, dropout is off.
   * @param gradientCheckpointing Whether layers are computed again in backward: less memory, about a third more time.
   * @param skip Tokens at each text's start that are not pooled.
   * @returns float32 [B, values], without the normalization at the end.
   */
  embed(batch: TokenBatch, dropout?: DropoutState, gradientCheckpointing = false, skip = 0): tf.Tensor2D {
    const head = this.#layout?.head ?? [];
    const run = { parameters: this.parameters, batch, state: dropout, checkpointing: gradientCheckpointing };
    const pooled =
      batch.inputIds.length > 0
        ? pool(familyOf(this.config).forward(this.config, run), batch, this.poolingStrategy, skip)
        : tf.zeros<tf.Rank.R2>([batch.offsets.length - 1, this.config.hiddenSize]); // static: no special tokens
    return runHead(head, this.parameters, pooled);
  }

  /**
   * Embeds texts, one float32 vector a text, in the order given. Texts are batched by length, so the order they
   * come in costs nothing; an empty text is its special tokens; a text past maxLength is cut.
   */
  async encode(texts: readonly string[], options: EncodeOptions = {}): Promise<Float32Array[]> {
    const { batchSize = 32, progressBar = 'auto', normalize: unit = this.normalize } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new OptionError(`must be a whole number above 0 (received ${batchSize})`, 'batchSize', 'give 1 or more');
    }
    const maxLength = Math.min(options.maxLength ?? this.maxLength, this.maxLength);
    const prompt = this.#promptOf(options);
    const skip = prompt !== '' && !this.#pooling.includePrompt ? this.tokenizer.promptLength(prompt) : 0;
    const ids = texts.map((text) => this.tokenizer.encode(prompt + text, maxLength));
    const order = ids.map((_, i) => i).sort((a, b) => (ids[b] as Int32Array).length - (ids[a] as Int32Array).length);
    const vectors = new Array<Float32Array>(texts.length);
    const bar = new ProgressBar('encode', texts.length, progressBar);
    for (let start = 0; start < order.length; start += batchSize) {
      const rows = order.slice(start, start + batchSize);
      const embeddings = tf.tidy(() => {
        const batch = packTokens(rows.map((row) => ids[row] as Int32Array));
        const embedded = this.embed(batch, undefined, false, skip);
        return unit ? normalize(embedded) : embedded;
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

  #promptOf({ prompt, promptName }: EncodeOptions): string {
    if (prompt !== undefined) return prompt;
    const name = promptName ?? this.#layout?.settings.default_prompt_name;
    if (name === undefined || name === null) return '';
    if (Object.hasOwn(this.prompts, name)) return this.prompts[name] as string;
    const names = Object.keys(this.prompts);
    throw new OptionError(
      `the model has no prompt '${name}'`,
      'promptName',
      names.length > 0 ? `use one of ${names.join(', ')}` : 'give the text itself as prompt',
    );
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
    writeFolderWhole(
      folder,
      (partial) => {
        const { head = [], isStatic = false } = this.#layout ?? {};
        const ofHead = (name: string) =>
          head.some((module) => module.type === 'Dense' && name.startsWith(`${module.name}.`));
        if (!isStatic) {
          const { poolingStrategy } = this;
          const named = typeof poolingStrategy === 'string' ? { uniem_pooling_strategy: poolingStrategy } : {};
          const config = { ...this.config.raw, uniem_pooling_strategy: undefined, ...named };
          writeFileSync(join(partial, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
        }
        const encoder = new Map([...tensors].filter(([name]) => !ofHead(name)));
        writeSafetensors(join(partial, 'model.safetensors'), encoder);
        for (const file of TOKENIZER_FILES) {
          if (existsSync(join(this.folder, file))) copyFileSync(join(this.folder, file), join(partial, file));
        }
        if (this.#tokenizerGrew) {
          writeFileSync(join(partial, 'tokenizer.json'), JSON.stringify(this.#tokenizer.toJson()));
        }
        writeSentenceTransformers(partial, {
          isStatic,
          pooling: this.#pooling,
          head,
          tensors,
          normalize: this.normalize,
          maxLength: this.maxLength,
          lowerCase: this.#layout?.lowerCase ?? false,
          settings: this.#layout?.settings ?? NO_SETTINGS,
          hiddenSize: this.config.hiddenSize,
        });
      },
      this.#layout?.isStatic ? 'modules.json' : 'config.json',
    );
  }

  /** Frees the parameters. */
  dispose(): void {
    tf.dispose([...this.parameters.values()]);
    this.parameters.clear();
  }
}

function requireStrategies(given: EmbedderOptions['poolingStrategy']): void {
  if (given === undefined) return;
  const strategies = [given].flat() as PoolingStrategy[];
  const unknown = strategies.find((strategy) => !POOLING_STRATEGIES.includes(strategy));
  if (unknown === undefined && strategies.length > 0) return;
  throw new OptionError(
    unknown === undefined ? 'names no strategy' : `unknown strategy '${unknown}'`,
    'poolingStrategy',
    `use one of ${POOLING_STRATEGIES.join(', ')}`,
  );
}

function choosePooling(
  given: EmbedderOptions['poolingStrategy'],
  layout: SentenceTransformersLayout | undefined,
  config: ModelConfig,
): { pooling: PoolingLayout; poolingReason: string } {
  const includePrompt = layout?.pooling.includePrompt ?? true;
  const chosen = (strategies: readonly PoolingStrategy[], poolingReason: string) => {
    return { pooling: { strategies, includePrompt }, poolingReason };
  };
  if (given !== undefined) return chosen([given].flat() as PoolingStrategy[], 'given as poolingStrategy');
  if (layout) return chosen(layout.pooling.strategies, 'modules.json says so');
  if (config.poolingStrategy) return chosen([config.poolingStrategy], 'config.json says so, as uniem saves it');
  return chosen(['last_mean'], 'the default, as the folder names none');
}

/** @throws ModelError for a Dense that does not take what comes before it. */
function requireWidths(head: readonly HeadModule[], pooled: number, folder: string): void {
  let width = pooled;
  for (const module of head) {
    if (module.type !== 'Dense') continue;
    if (module.inFeatures !== width) {
      throw new ModelError(
        `${module.name} takes ${module.inFeatures} values, but ${width} come before it`,
        folder,
        'leave poolingStrategy out, or use another model',
      );
    }
    width = module.outFeatures;
  }
}

/** @throws ModelError for a table with fewer rows than tokens, as model2vec's that share rows have. */
function requireRows(config: ModelConfig, tokenizer: Tokenizer, path: string): void {
  const [rows] = [...familyOf(config).shapes(config).values()][0] as [number];
  if (rows >= tokenizer.size) return;
  throw new ModelError(
    `has ${rows} rows for the ${tokenizer.size} tokens of tokenizer.json`,
    path,
    'use a model whose tokens have a row each',
  );
}

function loadEncoder(config: ModelConfig, { tensors, path }: Checkpoint): Parameters {
  const family = familyOf(config);
  return loadParameters(tensors, family.shapes(config), family.optional(config), family.prefix, path, family.aliases);
}

function loadDense(module: DenseModule, { tensors, path }: Checkpoint): Parameters {
  const shapes = new Shapes();
  shapes.dense('linear', module.outFeatures, module.inFeatures, module.bias);
  return loadParameters(tensors, shapes, new Set(), '', path);
}
