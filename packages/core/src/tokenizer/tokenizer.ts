/**
 * Text to token ids, as a tokenizer.json says, truncated to a length in tokens. Runs in browsers too: neither this file nor
 * what it imports may use anything of Node.
 */

import { FLAG, NAME, OBJECT, TEXT } from '@uniem/hub/arguments';
import { requireKind, requireList, requireOptions } from '../arguments.ts';
import { ModelError, OptionError } from '../errors.ts';
import { newToken } from './new-token.ts';
import { Pipeline } from './pipeline.ts';
import { packTokens, type TokenBatch } from './token-batch.ts';

/** What is read of tokenizer.json here; the rest is the pipeline's. */
interface TokenizerJson extends Record<string, unknown> {
  model: { vocab: Record<string, number> | unknown[] };
  added_tokens?: ({ id: number } & Record<string, unknown>)[];
}

/** A token of a text. */
export interface Token {
  id: number;
  /** As the vocabulary has it. */
  token: string;
  /** Whether the template put it around the text. */
  special: boolean;
}

export interface TokenizerOptions {
  /** Lower-case texts before anything else is done with them. */
  lowerCase?: boolean;
  /** Put the special tokens of the tokenizer's template around each text. */
  addSpecialTokens?: boolean;
}

export class Tokenizer {
  readonly #json: TokenizerJson;
  readonly #config: Readonly<Record<string, unknown>>;
  readonly #options: TokenizerOptions;
  readonly #tokenizer: Pipeline;
  readonly #specialTokens: number;
  readonly #unknownId: number;
  /** What tokenizer_config.json says a text may have; undefined when not given. */
  readonly modelMaxLength: number | undefined;
  /** Whether it is no longer the one of the folder's files. */
  readonly grew: boolean;

  private constructor(
    json: TokenizerJson,
    config: Readonly<Record<string, unknown>>,
    options: TokenizerOptions,
    grew = false,
  ) {
    this.#json = json;
    this.#config = config;
    this.#options = options;
    this.grew = grew;
    this.#tokenizer = new Pipeline(options.lowerCase ? lowerCased(json) : json);
    this.modelMaxLength = typeof config.model_max_length === 'number' ? config.model_max_length : undefined;
    const special = this.#withSpecialTokens([]);
    const unknown = special.find((token) => this.#tokenizer.idOf(token) === undefined);
    if (unknown !== undefined) throw new Error(`the template's '${unknown}' has no id`);
    this.#specialTokens = special.length;
    this.#unknownId = this.#tokenizer.unknownId ?? 0;
  }

  /**
   * @param json The content of tokenizer.json.
   * @param config The content of tokenizer_config.json, or nothing.
   * @param where What an error names: the file that `json` is from.
   * @throws ModelError for a tokenizer.json that is none.
   */
  static fromJson(
    json: Readonly<Record<string, unknown>>,
    config: Readonly<Record<string, unknown>>,
    where: string,
    options: TokenizerOptions = {},
  ): Tokenizer {
    requireKind(json, OBJECT, 'json');
    requireKind(config, OBJECT, 'config');
    requireOptions(options, { lowerCase: FLAG, addSpecialTokens: FLAG }, 'fromJson');
    try {
      return new Tokenizer(json as TokenizerJson, config, options);
    } catch (cause) {
      throw new ModelError(`no tokenizer (${(cause as Error).message})`, where, 'download the model again', { cause });
    }
  }

  /** Number of tokens: the id that the next new one gets. */
  get size(): number {
    const { model, added_tokens: added = [] } = this.#json;
    const ids = Array.isArray(model.vocab) ? [model.vocab.length - 1] : Object.values(model.vocab);
    return [...ids, ...added.map(({ id }) => id)].reduce((most, id) => Math.max(most, id), -1) + 1;
  }

  /**
   * One that knows more special tokens, under the next ids; no text is split within them.
   *
   * @throws OptionError for a token there is.
   */
  withSpecialTokens(tokens: readonly string[]): Tokenizer {
    requireList(tokens, NAME, 'tokens');
    const known = tokens.find((token) => this.#tokenizer.idOf(token) !== undefined);
    if (known !== undefined) {
      throw new OptionError(`the tokenizer has a token '${known}'`, 'special tokens', 'give a token that is new');
    }
    const { size } = this;
    const added = tokens.map((content, i) => ({ id: size + i, ...newToken(content) }));
    const { added_tokens: before = [] } = this.#json;
    const json = { ...this.#json, added_tokens: [...before, ...added] };
    return new Tokenizer(json, this.#config, this.#options, true);
  }

  /** As tokenizer.json has it. */
  toJson(): Record<string, unknown> {
    return this.#json;
  }

  #withSpecialTokens(tokens: string[]): string[] {
    return this.#options.addSpecialTokens === false ? tokens : this.#tokenizer.withSpecialTokens(tokens);
  }

  /** Tokens of a prompt when a text follows it: the special token that ends a text does not count. */
  promptLength(prompt: string): number {
    const ids = this.encode(prompt, Number.POSITIVE_INFINITY);
    const special = this.#json.added_tokens?.some(({ id, special }) => special === true && id === ids.at(-1));
    return special ? ids.length - 1 : ids.length;
  }

  /** What tokenizer.json says a text may have; undefined when not given. */
  get truncation(): number | undefined {
    const { max_length: length } = (this.#json.truncation ?? {}) as { max_length?: unknown };
    return typeof length === 'number' ? length : undefined;
  }

  /** Ids of one text with its special tokens, at most `maxLength` (or Infinity) in all; the end of the text is cut. */
  encode(text: string, maxLength: number): Int32Array {
    return this.encodeCounted(text, maxLength).ids;
  }

  /** The same, and the tokens that the whole text has. */
  encodeCounted(text: string, maxLength: number): { ids: Int32Array; length: number } {
    requireKind(text, TEXT, 'text');
    const room = maxLength - this.#specialTokens;
    const whole = Number.isInteger(maxLength) || maxLength === Number.POSITIVE_INFINITY;
    if (!whole || room < 0) {
      const least = Math.max(this.#specialTokens, 1);
      throw new OptionError(`${maxLength} tokens are too few`, 'maxLength', `give a whole number from ${least} on`);
    }
    const tokens = this.#tokenizer.tokenize(text);
    const ids = Int32Array.from(
      this.#withSpecialTokens(tokens.slice(0, room)),
      (token) => this.#tokenizer.idOf(token) ?? this.#unknownId,
    );
    return { ids, length: tokens.length + this.#specialTokens };
  }

  /** The whole text's tokens, with what the template puts around them unless that is asked not to be. */
  tokens(text: string, { specialTokens = true }: { specialTokens?: boolean } = {}): Token[] {
    const own = this.#tokenizer.tokenize(text);
    const all = specialTokens ? this.#withSpecialTokens(own) : own;
    const before = specialTokens ? this.#withSpecialTokens(['']).indexOf('') : 0; // of the template, before the text
    return all.map((token, i) => ({
      id: this.#tokenizer.idOf(token) ?? this.#unknownId,
      token,
      special: i < before || i >= before + own.length,
    }));
  }

  /** Packs several texts into one batch. */
  encodeBatch(texts: readonly string[], maxLength: number): TokenBatch {
    requireList(texts, TEXT, 'texts');
    return packTokens(texts.map((text) => this.encode(text, maxLength)));
  }
}

/** With a normalizer that lower-cases before the others; special tokens stay. As sentence-transformers' do_lower_case. */
function lowerCased(json: TokenizerJson): TokenizerJson {
  const { normalizer } = json as { normalizer?: { type?: string; normalizers?: { type?: string }[] } | null };
  const all = normalizer?.type === 'Sequence' ? (normalizer.normalizers ?? []) : normalizer ? [normalizer] : [];
  if (all.some(({ type }) => type === 'Lowercase')) return json;
  return { ...json, normalizer: { type: 'Sequence', normalizers: [{ type: 'Lowercase' }, ...all] } };
}
