/** All that a model is without its weights: names, lengths, prompts, and the tokens it makes of a text. */

import type { HubOptions } from '@uniem/hub';
import { OptionError } from '../errors.ts';
import { modelFolder } from '../formats/model-folder.ts';
import type { ModelConfig, PoolingStrategy } from '../models/config.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { type OpenedModel, type OpenOptions, openModel } from './open-model.ts';

export interface TextModelOptions extends OpenOptions {
  /** Another hub, token or cache than the environment names. */
  hub?: HubOptions;
}

export interface TokenizeOptions {
  /** Tokens a text; at most the model's own limit. */
  maxLength?: number | undefined;
  /** Put before every text; left out, the model's default prompt, where it has one. */
  prompt?: string | undefined;
  /** The name of one of the model's prompts. */
  promptName?: string | undefined;
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
  protected readonly model: OpenedModel;

  protected constructor(model: OpenedModel) {
    this.model = model;
  }

  /**
   * Opens a model folder without reading its weights, and without an engine.
   *
   * @param model A folder, or `owner/name` or `owner/name@revision` of the hub.
   * @throws ModelError saying which file or key is wrong; HubError for what the hub says against it.
   */
  static async fromPretrained(model: string, options: TextModelOptions = {}): Promise<TextModel> {
    const { hub, ...rest } = options;
    return new TextModel(openModel(await modelFolder(model, hub), rest));
  }

  /** The folder of the encoder. */
  get folder(): string {
    return this.model.folder;
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

  /** Leading values of a vector that are kept, as the model's folder says; undefined where it does not. */
  get truncateDim(): number | undefined {
    return this.model.layout.settings.truncate_dim ?? undefined;
  }

  /** Whether modules follow the pooling, but for a normalization at the end. */
  get hasHead(): boolean {
    return this.model.layout.head.length > 0;
  }

  /** Whether the model's own layout ends in normalization. */
  get normalize(): boolean {
    return this.model.layout.normalize;
  }

  /** Tokens a text is cut to. */
  get maxLength(): number {
    return this.model.maxLength;
  }

  /** Texts are cut to so many tokens from now on, also when saved; to what the model has positions for at most. */
  set maxLength(tokens: number) {
    this.model.maxLength = Math.min(tokens, this.config.maxPositions);
  }

  /** Texts that can be put before each text, by name. */
  get prompts(): Readonly<Record<string, string>> {
    return this.model.layout.settings.prompts;
  }

  get tokenizer(): Tokenizer {
    return this.model.tokenizer;
  }

  /**
   * The tokens of texts with the prompt before each; an empty text is its special tokens, the end of a long one is cut.
   *
   * @throws OptionError for a prompt name that the model does not have.
   */
  tokenize(texts: readonly string[], options: TokenizeOptions = {}): TokenizedTexts {
    const maxLength = Math.min(options.maxLength ?? this.maxLength, this.maxLength);
    const prompt = this.promptOf(options);
    const isPooled = prompt === '' || this.model.layout.pooling.includePrompt;
    const encoded = texts.map((text) => this.tokenizer.encodeCounted(prompt + text, maxLength));
    return {
      ids: encoded.map(({ ids }) => ids),
      lengths: encoded.map(({ length }) => length),
      skip: isPooled ? 0 : this.tokenizer.promptLength(prompt),
    };
  }

  /** What is put before each text; empty where nothing is. @throws OptionError for a name that the model does not have. */
  promptOf({ prompt, promptName }: TokenizeOptions): string {
    if (prompt !== undefined) return prompt;
    const name = promptName ?? this.model.layout.settings.default_prompt_name;
    if (name === undefined || name === null) return '';
    if (Object.hasOwn(this.prompts, name)) return this.prompts[name] as string;
    const names = Object.keys(this.prompts);
    throw new OptionError(
      `the model has no prompt '${name}'`,
      'promptName',
      names.length > 0 ? `use one of ${names.join(', ')}` : 'give the text itself as prompt',
    );
  }
}
