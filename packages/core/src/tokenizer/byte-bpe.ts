/** Byte-level BPE from vocab.json and merges.txt: RoBERTa, GPT-2 and OPT, Qwen2. */

import { join } from 'node:path';

import { ModelError } from '../errors.ts';
import { readJson } from '../formats/files.ts';
import { assemble, boundsTemplate, flag, type Json, type Model, readLines, type Source } from './parts.ts';

/** Source: transformers' tokenization_roberta.py. */
export function roberta(source: Source): Json {
  const { config } = source;
  const spaced = flag(config, 'add_prefix_space', false);
  return assemble(source, {
    names: { bos: '<s>', eos: '</s>', unk: '<unk>', sep: '</s>', pad: '<pad>', cls: '<s>', mask: '<mask>' },
    model: () => byteBpe(source),
    normalizer: null,
    preTokenizer: byteLevel(spaced),
    decoder: DECODER,
    postProcessor: (token) => ({
      type: 'RobertaProcessing',
      sep: [token('sep').content, token('sep').id],
      cls: [token('cls').content, token('cls').id],
      trim_offsets: flag(config, 'trim_offsets', true),
      add_prefix_space: spaced,
    }),
  });
}

/** Source: transformers' tokenization_gpt2.py. */
export function gpt2(source: Source): Json {
  const end = '<|endoftext|>';
  return assemble(source, {
    names: { bos: end, eos: end, unk: end },
    model: () => byteBpe(source),
    normalizer: null,
    preTokenizer: byteLevel(flag(source.config, 'add_prefix_space', false)),
    decoder: DECODER,
    postProcessor: (_, find) => boundsTemplate(source.config, find('bos'), find('eos')),
  });
}

const QWEN2_WORDS =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** Source: transformers' tokenization_qwen2.py. */
export function qwen2(source: Source): Json {
  const end = '<|endoftext|>';
  const spaced = flag(source.config, 'add_prefix_space', false);
  return assemble(source, {
    names: { unk: end, eos: end, pad: end },
    model: () => byteBpe(source),
    normalizer: { type: 'NFC' },
    preTokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: QWEN2_WORDS }, behavior: 'Isolated', invert: false },
        byteLevel(spaced, false),
      ],
    },
    decoder: DECODER,
    postProcessor: (_, find) => boundsTemplate(source.config, find('bos'), find('eos')),
  });
}

const DECODER = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true };

function byteLevel(add_prefix_space: boolean, use_regex = true): Json {
  return { type: 'ByteLevel', add_prefix_space, trim_offsets: true, use_regex };
}

function byteBpe({ folder }: Source): Model {
  const vocab = readVocabulary(join(folder, 'vocab.json'));
  return {
    type: 'BPE',
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: '',
    end_of_word_suffix: '',
    fuse_unk: false,
    byte_fallback: false,
    ignore_merges: false,
    vocab,
    merges: readMerges(join(folder, 'merges.txt'), vocab),
  };
}

function readVocabulary(path: string): Record<string, number> {
  const vocab = readJson(path);
  for (const [token, id] of Object.entries(vocab)) {
    if (Number.isSafeInteger(id) && (id as number) >= 0) continue;
    throw new ModelError(`the id of '${token}' is ${JSON.stringify(id)}`, path, 'download the model again');
  }
  return vocab as Record<string, number>;
}

/** Pairs of pieces, the first to be merged first. */
function readMerges(path: string, vocab: Readonly<Record<string, number>>): [string, string][] {
  return readLines(path).flatMap((line, i) => {
    if (line.startsWith('#version')) return [];
    const [left = '', right = '', ...rest] = line.split(' ');
    const known = [left, right, left + right].every((piece) => Object.hasOwn(vocab, piece));
    if (known && rest.length === 0) return [[left, right]];
    const what = `'${line}' is no pair of tokens that vocab.json has, together too`;
    throw new ModelError(what, `${path}:${i + 1}`, 'download the model again, merges.txt and vocab.json');
  });
}
