/** Text to token ids, as the model's own tokenizer files say, truncated to a length in tokens. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { ModelError, OptionError } from './errors.ts';
import { readJson } from './formats/files.ts';
import { packTokens, type TokenBatch } from './token-batch.ts';
import { readTokenizerJson } from './tokenizer/convert.ts';
import { Pipeline } from './tokenizer/pipeline.ts';
import { newToken } from './tokenizer/special-tokens.ts';

export { TOKENIZER_FILES } from './tokenizer/convert.ts';

/** What is read of tokenizer.json here; the rest is the library's. */
interface TokenizerJson extends Record<string, unknown> {
  model: { vocab: Record<string, number> | unknown[] };
  added_tokens?: { id: number }[];
}

export class Tokenizer {
  readonly #json: TokenizerJson;
  readonly #config: Record<string, unknown>;
  readonly #tokenizer: Pipeline;
  readonly #specialTokens: number;
  readonly #unknownId: number;
  /** What tokenizer_config.json says a text may have; undefined when not given. */
  readonly modelMaxLength: number | undefined;

  private constructor(json: TokenizerJson, config: Record<string, unknown>) {
    this.#json = json;
    this.#config = config;
    this.#tokenizer = new Pipeline(json);
    this.modelMaxLength = typeof config.model_max_length === 'number' ? config.model_max_length : undefined;
    this.#specialTokens = this.#withSpecialTokens(['a']).length - 1;
    this.#unknownId = this.#tokenizer.unknownId ?? 0;
  }

  /** Reads tokenizer.json, or converts the files of a slow tokenizer where that is all there is. */
  static fromFolder(folder: string): Tokenizer {
    const configPath = join(folder, 'tokenizer_config.json');
    const config = existsSync(configPath) ? readJson(configPath) : {};
    const { json, path } = readTokenizerJson(folder, config);
    try {
      return new Tokenizer(json as TokenizerJson, config);
    } catch (cause) {
      throw new ModelError(`no tokenizer (${(cause as Error).message})`, path, 'download the model again', { cause });
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
    const known = tokens.find((token) => this.#tokenizer.idOf(token) !== undefined);
    if (known !== undefined) {
      throw new OptionError(`the tokenizer has a token '${known}'`, 'special tokens', 'give a token that is new');
    }
    const { size } = this;
    const added = tokens.map((content, i) => ({ id: size + i, ...newToken(content) }));
    const { added_tokens: before = [] } = this.#json;
    return new Tokenizer({ ...this.#json, added_tokens: [...before, ...added] }, this.#config);
  }

  /** As tokenizer.json has it. */
  toJson(): Record<string, unknown> {
    return this.#json;
  }

  #withSpecialTokens(tokens: string[]): string[] {
    return this.#tokenizer.withSpecialTokens(tokens);
  }

  /** Ids of one text with its special tokens, at most `maxLength` (or Infinity) in all; the end of the text is cut. */
  encode(text: string, maxLength: number): Int32Array {
    const room = maxLength - this.#specialTokens;
    const whole = Number.isInteger(maxLength) || maxLength === Number.POSITIVE_INFINITY;
    if (!whole || room < 0) {
      const least = Math.max(this.#specialTokens, 1);
      throw new OptionError(`${maxLength} tokens are too few`, 'maxLength', `give a whole number from ${least} on`);
    }
    const tokens = this.#tokenizer.tokenize(text);
    return Int32Array.from(
      this.#withSpecialTokens(tokens.slice(0, room)),
      (token) => this.#tokenizer.idOf(token) ?? this.#unknownId,
    );
  }

  /** Packs several texts into one batch. */
  encodeBatch(texts: readonly string[], maxLength: number): TokenBatch {
    return packTokens(texts.map((text) => this.encode(text, maxLength)));
  }
}
