/** WordPiece from vocab.txt: BERT, ERNIE, ELECTRA, DistilBERT, NomicBERT, MPNet, RoFormer. */

import { join } from 'node:path';

import { ModelError } from '../errors.ts';
import { newToken } from './new-token.ts';
import { assemble, bertTemplate, flag, type Json, type Parts, readLines, type Source } from './parts.ts';

/** Source: transformers' tokenization_bert.py. */
export function bert(source: Source): Json {
  return assemble(source, {
    ...wordPiece(source),
    names: { unk: '[UNK]', sep: '[SEP]', pad: '[PAD]', cls: '[CLS]', mask: '[MASK]' },
    postProcessor: (token) => bertTemplate(token('cls'), token('sep')),
  });
}

/** Source: transformers' tokenization_mpnet.py. */
export function mpnet(source: Source): Json {
  const mask = newToken('<mask>', { lstrip: true });
  const plain = (content: string) => newToken(content, { normalized: false });
  return assemble(source, {
    ...wordPiece(source),
    names: {
      bos: plain('<s>'),
      eos: plain('</s>'),
      unk: plain('[UNK]'),
      sep: plain('</s>'),
      pad: plain('<pad>'),
      cls: plain('<s>'),
      mask,
    },
    postProcessor: (token) => ({
      type: 'RobertaProcessing',
      sep: [token('sep').content, token('sep').id],
      cls: [token('cls').content, token('cls').id],
      trim_offsets: true,
      add_prefix_space: false,
    }),
  });
}

/**
 * BERT's, where no token is a word of several Chinese characters.
 *
 * @throws ModelError where one is: Python cuts the text into words by jieba, whose dictionary is not in the folder.
 */
export function roformer(source: Source): Json {
  const path = join(source.folder, 'vocab.txt');
  const word = readLines(path).find((token) => /^\p{Script=Han}{2,}$/u.test(token));
  if (word === undefined) return bert(source);
  throw new ModelError(
    `holds words ('${word}'), which Python finds in the text by jieba's dictionary`,
    path,
    'take a RoFormer of single characters, as junnyu/roformer_chinese_char_base',
  );
}

function wordPiece({ folder, config }: Source): Omit<Parts, 'names' | 'postProcessor'> {
  const vocab = Object.fromEntries(readLines(join(folder, 'vocab.txt')).map((token, id) => [token, id]));
  return {
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: flag(config, 'tokenize_chinese_chars', true),
      strip_accents: config.strip_accents ?? null,
      lowercase: flag(config, 'do_lower_case', true),
    },
    preTokenizer: { type: 'BertPreTokenizer' },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: (content) => ({
      type: 'WordPiece',
      unk_token: content('unk'),
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab,
    }),
  };
}
