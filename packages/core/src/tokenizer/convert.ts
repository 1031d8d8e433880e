/** tokenizer.json of a folder: its own, or what the files of a slow tokenizer say, by the class that the folder names. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { ModelError } from '../errors.ts';
import { readJson } from '../formats/files.ts';
import { gpt2, qwen2, roberta } from './byte-bpe.ts';
import { findFile, type Json, type Source } from './parts.ts';
import { gemma, llama } from './sentencepiece-bpe.ts';
import { readSentencePiece } from './sentencepiece-model.ts';
import type { SentencePieceKind } from './sentencepiece-parts.ts';
import { albert, camembert, debertaV2, t5, xlmRoberta } from './sentencepiece-unigram.ts';
import { bert, mpnet, roformer } from './wordpiece.ts';

const SENTENCE_PIECE_FILES = ['sentencepiece.bpe.model', 'spiece.model', 'spm.model', 'tokenizer.model'];

/** Files that make up a tokenizer; they are copied as they are when a model is saved. */
export const TOKENIZER_FILES = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.txt',
  'vocab.json',
  'merges.txt',
  ...SENTENCE_PIECE_FILES,
];

interface Kind {
  /** What it reads. */
  files: readonly string[];
  /** @param path The one of these files that the folder has. */
  read: (source: Source, path: string) => Json;
}

const wordPiece = (read: (source: Source) => Json): Kind => ({ files: ['vocab.txt'], read });
const byteBpe = (read: (source: Source) => Json): Kind => ({ files: ['vocab.json'], read });
const sentencePiece = (read: SentencePieceKind): Kind => ({
  files: SENTENCE_PIECE_FILES,
  read: (source, path) => read(source, readSentencePiece(path)),
});

const WORD_PIECE = wordPiece(bert);

/** By the tokenizer's class, without `Tokenizer` at its end. */
const KINDS: ReadonlyMap<string, Kind> = new Map(
  Object.entries({
    Bert: WORD_PIECE,
    DistilBert: WORD_PIECE,
    Electra: WORD_PIECE,
    Ernie: WORD_PIECE,
    MPNet: wordPiece(mpnet),
    RoFormer: wordPiece(roformer),
    Roberta: byteBpe(roberta),
    GPT2: byteBpe(gpt2),
    Qwen2: byteBpe(qwen2),
    XLMRoberta: sentencePiece(xlmRoberta),
    Camembert: sentencePiece(camembert),
    Albert: sentencePiece(albert),
    T5: sentencePiece(t5),
    DebertaV2: sentencePiece(debertaV2),
    Llama: sentencePiece(llama),
    Gemma: sentencePiece(gemma),
  }),
);

/** The class of a model_type that names none. Source: transformers' tokenization_auto.py. */
const CLASSES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    bert: 'Bert',
    ernie: 'Bert',
    nomic_bert: 'Bert',
    distilbert: 'DistilBert',
    electra: 'Electra',
    mpnet: 'MPNet',
    roformer: 'RoFormer',
    roberta: 'Roberta',
    gpt2: 'GPT2',
    gpt_neo: 'GPT2',
    opt: 'GPT2',
    qwen2: 'Qwen2',
    qwen3: 'Qwen2',
    'xlm-roberta': 'XLMRoberta',
    camembert: 'Camembert',
    albert: 'Albert',
    t5: 'T5',
    mt5: 'T5',
    umt5: 'T5',
    'deberta-v2': 'DebertaV2',
    llama: 'Llama',
    mistral: 'Llama',
    gemma3_text: 'Gemma',
  }),
);

/** What a folder's tokenizer is read from, for errors. */
export interface TokenizerFile {
  json: Json;
  path: string;
}

/**
 * Reads tokenizer.json, or makes it.
 *
 * @param config tokenizer_config.json.
 * @throws ModelError for a folder that has no tokenizer, or one that cannot be converted.
 */
export function readTokenizerJson(folder: string, config: Readonly<Json>): TokenizerFile {
  const path = join(folder, 'tokenizer.json');
  if (existsSync(path)) return { json: readJson(path), path };
  if (
    findFile(
      folder,
      [...KINDS.values()].flatMap(({ files }) => files),
    ) === undefined
  ) {
    throw new ModelError('no tokenizer.json and no vocab.txt', folder, 'add the tokenizer files of the model');
  }
  const source = { folder, config };
  const name = classOf(source);
  const named = KINDS.get(name);
  if (!named) {
    throw new ModelError(
      `cannot make tokenizer.json for ${name}Tokenizer`,
      folder,
      'save it by Python: AutoTokenizer.from_pretrained(folder).save_pretrained(folder)',
    );
  }
  // Chinese models say RoBERTa or ALBERT and bring BERT's vocab.txt.
  for (const kind of [named, WORD_PIECE]) {
    const from = findFile(folder, kind.files);
    if (from) return { json: kind.read(source, from), path: from };
  }
  throw new ModelError(
    `no tokenizer.json, and no ${named.files.join(' or ')} for ${name}Tokenizer`,
    folder,
    'add the tokenizer files of the model',
  );
}

/** The tokenizer's class as the files name it, or that of the model. */
function classOf({ folder, config }: Source): string {
  const path = join(folder, 'config.json');
  const model = existsSync(path) ? readJson(path) : {};
  for (const name of [config.tokenizer_class, model.tokenizer_class]) {
    if (typeof name === 'string' && !/^(PreTrained|TokenizersBackend|AutoTokenizer)/.test(name)) {
      return name.replace(/Tokenizer(Fast)?$/, '');
    }
  }
  return CLASSES.get(String(model.model_type)) ?? 'Bert';
}
