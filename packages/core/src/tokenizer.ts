/** Text to token ids, as the model's own tokenizer files say, truncated to a length in tokens. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers';

import { ModelError, OptionError } from './errors.ts';
import { readJson } from './formats/files.ts';
import { packTokens, type TokenBatch } from './token-batch.ts';

/** Files that make up a tokenizer; they are copied as they are when a model is saved. */
export const TOKENIZER_FILES = ['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json', 'vocab.txt'];

/** What is read of tokenizer.json here; the rest is the library's. */
interface TokenizerJson extends Record<string, unknown> {
  model: { vocab: Record<string, number> | unknown[] };
  added_tokens?: ({ id: number } & Record<string, unknown>)[];
}

export interface TokenizerOptions {
  /** Lower-case texts before anything else is done with them. */
  lowerCase?: boolean;
  /** Put the special tokens of the tokenizer's template around each text. */
  addSpecialTokens?: boolean;
}

export class Tokenizer {
  readonly #json: TokenizerJson;
  readonly #config: Record<string, unknown>;
  readonly #options: TokenizerOptions;
  readonly #tokenizer: HubTokenizer;
  readonly #specialTokens: number;
  readonly #unknownId: number;
  /** What tokenizer_config.json says a text may have; undefined when not given. */
  readonly modelMaxLength: number | undefined;
  /** Whether it is no longer the one of the folder's files. */
  readonly grew: boolean;

  private constructor(json: TokenizerJson, config: Record<string, unknown>, options: TokenizerOptions, grew = false) {
    this.#json = json;
    this.#config = config;
    this.#options = options;
    this.grew = grew;
    this.#tokenizer = new HubTokenizer(json, config);
    this.modelMaxLength = typeof config.model_max_length === 'number' ? config.model_max_length : undefined;
    this.#specialTokens = this.#withSpecialTokens(['a']).length - 1;
    this.#unknownId = this.#tokenizer.model?.unk_token_id ?? 0;
  }

  /** Reads tokenizer.json, or builds WordPiece from vocab.txt where that is all there is. */
  static fromFolder(folder: string, options: TokenizerOptions = {}): Tokenizer {
    const configPath = join(folder, 'tokenizer_config.json');
    const config = existsSync(configPath) ? readJson(configPath) : {};
    const jsonPath = join(folder, 'tokenizer.json');
    const vocabPath = join(folder, 'vocab.txt');
    if (!existsSync(jsonPath) && !existsSync(vocabPath)) {
      throw new ModelError('no tokenizer.json and no vocab.txt', folder, 'add the tokenizer files of the model');
    }
    const json = existsSync(jsonPath) ? readJson(jsonPath) : wordPieceJson(readFileSync(vocabPath, 'utf8'), config);
    return new Tokenizer(json as TokenizerJson, config, options);
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
    const known = tokens.find((token) => this.#tokenizer.token_to_id(token) !== undefined);
    if (known !== undefined) {
      throw new OptionError(`the tokenizer has a token '${known}'`, 'special tokens', 'give a token that is new');
    }
    const { size } = this;
    const added = tokens.map((content, i) => addedToken(content, size + i));
    const { added_tokens: before = [] } = this.#json;
    const json = { ...this.#json, added_tokens: [...before, ...added] };
    return new Tokenizer(json, this.#config, this.#options, true);
  }

  /** As tokenizer.json has it. */
  toJson(): Record<string, unknown> {
    return this.#json;
  }

  #withSpecialTokens(tokens: string[]): string[] {
    const processor = this.#options.addSpecialTokens === false ? null : this.#tokenizer.post_processor;
    return processor ? processor.post_process(tokens, null, true).tokens : tokens;
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
    const room = maxLength - this.#specialTokens;
    const whole = Number.isInteger(maxLength) || maxLength === Number.POSITIVE_INFINITY;
    if (!whole || room < 0) {
      const least = Math.max(this.#specialTokens, 1);
      throw new OptionError(`${maxLength} tokens are too few`, 'maxLength', `give a whole number from ${least} on`);
    }
    const tokens = this.#tokenizer.tokenize(this.#options.lowerCase ? text.toLowerCase() : text);
    return Int32Array.from(
      this.#withSpecialTokens(tokens.slice(0, room)),
      (token) => this.#tokenizer.token_to_id(token) ?? this.#unknownId,
    );
  }

  /** Packs several texts into one batch. */
  encodeBatch(texts: readonly string[], maxLength: number): TokenBatch {
    return packTokens(texts.map((text) => this.encode(text, maxLength)));
  }
}

/** BertTokenizer's WordPiece from vocab.txt. Source: transformers' convert_slow_tokenizer.py, BertConverter. */
function wordPieceJson(vocabText: string, config: Record<string, unknown>): Record<string, unknown> {
  // Line feeds only: U+2028 and the like are tokens of Chinese vocabularies.
  const lines = vocabText.split(/\r\n|\n|\r/);
  if (lines.at(-1) === '') lines.pop();
  const vocab = Object.fromEntries(lines.map((token, id) => [token, id]));
  const special = (key: string, fallback: string): string => {
    const value = config[key];
    if (typeof value === 'string') return value;
    return (value as { content?: string } | undefined)?.content ?? fallback;
  };
  const names = {
    unk: special('unk_token', '[UNK]'),
    sep: special('sep_token', '[SEP]'),
    cls: special('cls_token', '[CLS]'),
    pad: special('pad_token', '[PAD]'),
    mask: special('mask_token', '[MASK]'),
  };
  const template = (name: string) => ({ SpecialToken: { id: name, type_id: 0 } });
  const use = (name: string) => [name, { id: name, ids: [vocab[name]], tokens: [name] }];
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: Object.values(names)
      .filter((content) => content in vocab)
      .map((content) => addedToken(content, vocab[content] as number)),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: config.tokenize_chinese_chars ?? true,
      strip_accents: config.strip_accents ?? null,
      lowercase: config.do_lower_case ?? true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [template(names.cls), { Sequence: { id: 'A', type_id: 0 } }, template(names.sep)],
      pair: [
        template(names.cls),
        { Sequence: { id: 'A', type_id: 0 } },
        template(names.sep),
        { Sequence: { id: 'B', type_id: 1 } },
        { SpecialToken: { id: names.sep, type_id: 1 } },
      ],
      special_tokens: Object.fromEntries([use(names.cls), use(names.sep)]),
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: names.unk,
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab,
    },
  };
}

function addedToken(content: string, id: number): { id: number } & Record<string, unknown> {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
}
