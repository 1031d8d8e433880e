/** All that a model is without its weights: names, lengths, prompts, and the tokens it makes of a text. */

import { COUNT, TEXT } from '@uniem/hub/arguments';
import { requireKind, requireList } from '../arguments.ts';
import { ModelError } from '../errors.ts';
import type { ModelConfig } from '../models/config.ts';
import type { PoolingStrategy } from '../names.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { checkEmbedderOptions, checkEncodeOptions } from './embedder-options.ts';
import { type ModelOrigin, openPretrained, type PretrainedModel, type PretrainedOptions } from './open-pretrained.ts';
import { type PromptOptions, promptOf } from './prompts.ts';

export interface TokenizeOptions extends PromptOptions {
  /** Tokens a text; at most the model's own limit. */
  maxLength?: number;
}

/** Texts as a model takes them. */
export interface TokenizedTexts {
  /** int32 ids of each text, special tokens included. */
  ids: Int32Array[];
  /** Tokens of each text before the cut to maxLength. */
  lengths: number[];
  /** Tokens at each text's start that the model does not pool: those of the prompt, where it leaves them out. */
  skip: number;
}

export class TextModel {
  readonly #opened: PretrainedModel;
  #isDisposed = false;

  protected constructor(model: PretrainedModel) {
    this.#opened = model;
  }

  /** @throws ModelError once the model was disposed of. */
  protected get model(): PretrainedModel {
    if (!this.#isDisposed) return this.#opened;
    throw new ModelError(
      'the model was disposed of: dispose() freed its parameters',
      this.#opened.folder,
      'open it again with Embedder.fromPretrained, or call dispose() after the last use',
    );
  }

  /**
   * Opens a model folder without reading its weights, and without an engine.
   *
   * @param model A folder, or `owner/name` or `owner/name@revision` of the hub.
   * @throws ModelError saying which file or key is wrong; HubError for what the hub says against it.
   */
  static async fromPretrained(model: string, options: PretrainedOptions = {}): Promise<TextModel> {
    checkEmbedderOptions(model, options);
    return new TextModel(await openPretrained(model, options));
  }

  /** The folder of the encoder. @throws ModelError, as everything here, after `dispose`. */
  get folder(): string {
    return this.model.folder;
  }

  /** What it was opened as, and from which folder. */
  get origin(): ModelOrigin {
    return this.model.origin;
  }

  get config(): ModelConfig {
    return this.model.config;
  }

  get poolingStrategy(): PoolingStrategy | readonly PoolingStrategy[] {
    const { strategies } = this.model.layout.pooling;
    return strategies.length === 1 ? (strategies[0] as PoolingStrategy) : strategies;
  }

  /** Where the pooling was found, in words. */
  get poolingReason(): string {
    return this.model.poolingReason;
  }

  /** Values of a vector. */
  get dimension(): number {
    const { head, pooling } = this.model.layout;
    const last = head.findLast((module) => module.type === 'Dense');
    return last?.outFeatures ?? this.config.hiddenSize * pooling.strategies.length;
  }

  /** Whether modules follow the pooling, but for a normalization at the end. */
  get hasHead(): boolean {
    return this.model.layout.head.length > 0;
  }

  /** Whether the model's own layout ends in normalization. */
  get normalize(): boolean {
    return this.model.layout.normalize;
  }

  /** Leading values of a vector that the model's folder says to keep; undefined, all. */
  get truncateDim(): number | undefined {
    return this.model.layout.settings.truncate_dim ?? undefined;
  }

  /** Tokens a text is cut to. */
  get maxLength(): number {
    return this.model.maxLength;
  }

  /** Texts are cut to so many tokens from now on, also when saved; to what the model has positions for at most. */
  set maxLength(tokens: number) {
    requireKind(tokens, COUNT, 'maxLength');
    this.model.maxLength = Math.min(tokens, this.config.maxPositions);
  }

  /** Texts that can be put before each text, by name. */
  get prompts(): Readonly<Record<string, string>> {
    return this.model.layout.settings.prompts;
  }

  /** The prompt that is taken where none is given; null, none. */
  get defaultPromptName(): string | null {
    return this.model.layout.settings.default_prompt_name;
  }

  /** Whether texts are lower-cased before the tokenizer's own normalization. */
  get lowerCase(): boolean {
    return this.model.layout.lowerCase;
  }

  /** Whether the tokens of a prompt are pooled with those of the text. */
  get poolsPrompt(): boolean {
    return this.model.layout.pooling.includePrompt;
  }

  get tokenizer(): Tokenizer {
    return this.model.tokenizer;
  }

  /**
   * The tokens of texts with the prompt before each; an empty text is its special tokens, the end of a long one is cut.
   *
   * @throws OptionError for a prompt name that the model does not have, and naming the index of what is no string.
   */
  tokenize(texts: readonly string[], options: TokenizeOptions = {}): TokenizedTexts {
    requireList(texts, TEXT, 'texts');
    checkEncodeOptions(options);
    const maxLength = Math.min(options.maxLength ?? this.maxLength, this.maxLength);
    const prompt = this.promptOf(options);
    const encoded = texts.map((text) => this.tokenizer.encodeCounted(prompt + text, maxLength));
    return {
      ids: encoded.map(({ ids }) => ids),
      lengths: encoded.map(({ length }) => length),
      skip: prompt === '' || this.poolsPrompt ? 0 : this.tokenizer.promptLength(prompt),
    };
  }

  /** What is put before each text; empty where nothing is. @throws OptionError for a name that the model does not have. */
  promptOf(options: PromptOptions): string {
    return promptOf(this.prompts, this.defaultPromptName, options);
  }

  /** Whatever is asked of the model afterwards says so. Once more changes nothing. */
  dispose(): void {
    this.#isDisposed = true;
  }
}
