/**
 * A tokenizer.json at work, step by step as Python's tokenizers has it: added tokens, normalizers, words, pieces.
 *
 * The library has the pieces of WordPiece and BPE, and the template. The rest is our own, since there it approximates
 * sentencepiece's character maps, joins punctuation, knows no Chinese beyond U+FFFF and no whole words, and takes a text
 * that becomes an added token by normalizing for one.
 */

import { AddedTokens } from './added-tokens.ts';
import { type LibraryTokenizer, Tokenizer } from './library.ts';
import type { AddedToken } from './new-token.ts';
import { createNormalizer, type Normalize } from './normalizer.ts';
import type { Json } from './parts.ts';
import { createPreTokenizer, type PreTokenize } from './pre-tokenizer.ts';
import { UnigramModel } from './unigram-model.ts';

/** Python's tokenizers get no lone surrogate: encoding to UTF-8 makes it U+FFFD. */
const LONE_SURROGATE = /\p{Surrogate}/gu;

/** The library builds its own Unigram at some cost; one piece is enough for it. */
const NO_UNIGRAM = { type: 'Unigram', vocab: [['', 0]], unk_id: 0 };

export class Pipeline {
  readonly #library: LibraryTokenizer;
  readonly #unigram: UnigramModel | undefined;
  readonly #ids: Map<string, number>;
  readonly #normalize: Normalize;
  readonly #preTokenize: PreTokenize;
  /** Added tokens found in the text as it is, and those found when it is normalized. */
  readonly #raw: AddedTokens;
  readonly #normalized: AddedTokens;
  /** The id of what is not known; undefined where the model leaves it out. */
  readonly unknownId: number | undefined;

  /** @throws Error for a tokenizer.json that is none. */
  constructor(json: Readonly<Json>) {
    const model = json.model as Json;
    checkIds(json);
    const isUnigram = model?.type === 'Unigram' || (model?.type === undefined && Array.isArray(model?.vocab));
    const { post_processor = null, added_tokens = [] } = json;
    const own = { normalizer: null, pre_tokenizer: null, decoder: null, model: isUnigram ? NO_UNIGRAM : model };
    this.#library = new Tokenizer({ ...own, post_processor, added_tokens }, {});
    this.#unigram = isUnigram ? new UnigramModel(model) : undefined;
    this.#ids = this.#unigram?.ids ?? this.#library.model.tokens_to_ids;
    const unknownId = this.#unigram?.unknownId ?? this.#library.model.unk_token_id;
    this.unknownId = unknownId ?? this.#ids.get(String(model.unk_token));
    this.#normalize = json.normalizer ? createNormalizer(json.normalizer as Json) : (text) => text;
    this.#preTokenize = json.pre_tokenizer ? createPreTokenizer(json.pre_tokenizer as Json) : (words) => [...words];
    const raw: [string, AddedToken][] = [];
    const normalized: [string, AddedToken][] = [];
    for (const token of added_tokens as AddedToken[]) {
      this.#ids.set(token.content, token.id);
      if (token.normalized ?? !token.special) normalized.push([this.#normalize(token.content), token]);
      else raw.push([token.content, token]);
    }
    this.#raw = new AddedTokens(raw);
    this.#normalized = new AddedTokens(normalized);
  }

  idOf(token: string): number | undefined {
    return this.#ids.get(token);
  }

  /** The text's pieces, without special tokens of the template. */
  tokenize(text: string): string[] {
    const tokens: string[] = [];
    for (const section of this.#raw.cut({ text: text.replace(LONE_SURROGATE, '\ufffd'), first: true })) {
      const parts =
        section.token === undefined
          ? this.#normalized.cut({ ...section, text: this.#normalize(section.text) })
          : [section];
      for (const part of parts) {
        if (part.token !== undefined) tokens.push(part.token);
        else for (const word of this.#preTokenize([part])) for (const piece of this.#cut(word.text)) tokens.push(piece);
      }
    }
    return tokens;
  }

  /** With what the template puts around them. */
  withSpecialTokens(tokens: string[]): string[] {
    return this.#library.post_processor?.post_process(tokens, null, true).tokens ?? tokens;
  }

  #cut(word: string): string[] {
    return this.#unigram ? this.#unigram.encode(word) : this.#library.model([word]);
  }
}

/** @throws Error for an id that is none. */
function checkIds({ model, added_tokens: added }: Readonly<Json>): void {
  const vocab = (model as Json | undefined)?.vocab;
  if (typeof vocab !== 'object' || vocab === null) throw new Error('model has no vocab');
  if (!Array.isArray(vocab)) for (const [token, id] of Object.entries(vocab)) checkId(token, id);
  for (const token of (added ?? []) as Partial<AddedToken>[]) checkId(token?.content, token?.id);
}

function checkId(token: unknown, id: unknown): void {
  if (typeof token === 'string' && Number.isSafeInteger(id) && (id as number) >= 0) return;
  throw new Error(`the id of ${JSON.stringify(token)} is ${JSON.stringify(id)}`);
}
