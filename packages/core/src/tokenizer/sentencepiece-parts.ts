/** What the tokenizers of sentencepiece's .model share. */

import { ModelError } from '../errors.ts';
import { type NewToken, newToken } from './new-token.ts';
import type { Json, Source } from './parts.ts';
import type { SentencePieceModel } from './sentencepiece-model.ts';

/** Makes tokenizer.json. */
export type SentencePieceKind = (source: Source, spm: SentencePieceModel) => Json;

/** Stands for a space within pieces. */
export const SPACE = '▁';

/** Words that begin with a space. */
export function metaspace(prepend_scheme: 'always' | 'first' | 'never'): Json {
  return { type: 'Metaspace', replacement: SPACE, prepend_scheme, split: true };
}

/** Control tokens and the user's symbols. */
export function symbols({ pieces }: SentencePieceModel): NewToken[] {
  return pieces.flatMap(({ piece, type }) =>
    type === 3 || type === 4 ? [newToken(piece, { special: type === 3, normalized: false })] : [],
  );
}

/** @throws ModelError for a model of another algorithm. */
export function refuseOther({ algorithm, path }: SentencePieceModel, wanted: number, name: string): void {
  if (algorithm === wanted) return;
  const found = { 1: 'unigram', 2: 'BPE', 3: 'words', 4: 'characters' }[algorithm] ?? algorithm;
  throw new ModelError(
    `a sentencepiece model of ${found}, where this tokenizer needs one of ${name}`,
    path,
    'name the right tokenizer_class in tokenizer_config.json, or add tokenizer.json',
  );
}
