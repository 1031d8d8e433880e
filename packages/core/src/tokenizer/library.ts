/** What is used of @huggingface/tokenizers, typed here: its declarations do not resolve as those of a Node module. */

import * as library from '@huggingface/tokenizers';

import type { Json } from './parts.ts';

/** Ids of pieces, and how words become them. */
export interface PieceModel {
  (words: string[]): string[];
  tokens_to_ids: Map<string, number>;
  unk_token_id?: number | undefined;
}

interface PostProcessor {
  post_process(tokens: string[], pair: null, addSpecialTokens: boolean): { tokens: string[] };
}

interface Library {
  Tokenizer: new (
    json: Readonly<Json>,
    config: Readonly<Json>,
  ) => { readonly model: PieceModel; readonly post_processor: PostProcessor | null };
  ReplaceNormalizer: new (config: Readonly<Json>) => { normalize(text: string): string };
  SplitPreTokenizer: new (config: Readonly<Json>) => { readonly pattern: RegExp };
  ByteLevelPreTokenizer: new (config: Readonly<Json>) => { pre_tokenize_text(text: string): string[] };
}

export const { Tokenizer, ReplaceNormalizer, SplitPreTokenizer, ByteLevelPreTokenizer } = library as unknown as Library;

export type LibraryTokenizer = InstanceType<Library['Tokenizer']>;

/** @throws Error for a pattern that is neither text nor an expression; the library would go on without. */
export function checkPattern(pattern: unknown): void {
  const { String: text, Regex: expression } = (pattern ?? {}) as Json;
  if (typeof (text ?? expression) !== 'string') throw new Error(`the pattern ${JSON.stringify(pattern)} is not known`);
}
