/** Sentencepiece's .model of pieces with scores: XLM-RoBERTa, CamemBERT, ALBERT, T5, DeBERTa v2. */

import { join } from 'node:path';

import { ModelError } from '../errors.ts';
import { newToken } from './new-token.ts';
import {
  assemble,
  bertTemplate,
  flag,
  type Json,
  type Model,
  type Named,
  type Parts,
  type Source,
  template,
} from './parts.ts';
import type { SentencePieceModel } from './sentencepiece-model.ts';
import { metaspace, refuseOther, symbols } from './sentencepiece-parts.ts';

type Pieces = (readonly [piece: string, score: number])[];

/** Source: transformers' XLMRobertaConverter and tokenization_xlm_roberta.py. */
export function xlmRoberta(source: Source, spm: SentencePieceModel): Json {
  return assemble(source, {
    ...scored(source, spm),
    names: { bos: '<s>', eos: '</s>', unk: '<unk>', sep: '</s>', pad: '<pad>', cls: '<s>', mask: '<mask>' },
    model: (token) => {
      const first = (['bos', 'pad', 'eos', 'unk'] as const).map((name) => [token(name), 0] as const);
      return unigram(3, [...first, ...piecesOf(spm).slice(3), [token('mask'), 0]]);
    },
    postProcessor: (token) => doubledTemplate(token('bos'), token('eos')),
  });
}

/** Source: transformers' CamembertConverter and tokenization_camembert.py. */
export function camembert(source: Source, spm: SentencePieceModel): Json {
  const mask = newToken('<mask>', { lstrip: true });
  return assemble(source, {
    ...scored(source, spm),
    names: { bos: '<s>', eos: '</s>', unk: '<unk>', sep: '</s>', pad: '<pad>', cls: '<s>', mask },
    model: (token) => {
      const first: Pieces = [
        ['<s>NOTUSED', 0],
        [token('pad'), 0],
        ['</s>NOTUSED', 0],
        [token('unk'), 0],
        ['<unk>NOTUSED', -100],
      ];
      return unigram(3, [...first, ...piecesOf(spm).slice(1), [token('mask'), 0]]);
    },
    postProcessor: (token) => doubledTemplate(token('bos'), token('eos')),
  });
}

/** Source: transformers' tokenization_albert.py. */
export function albert(source: Source, spm: SentencePieceModel): Json {
  const { config } = source;
  const replace = (from: string) => ({ type: 'Replace', pattern: { String: from }, content: '"' });
  return assemble(source, {
    ...scored(source, spm),
    names: { bos: '[CLS]', eos: '[SEP]', unk: '<unk>', sep: '[SEP]', pad: '<pad>', cls: '[CLS]', mask: '[MASK]' },
    model: () => unigram(1, piecesOf(spm)),
    normalizer: {
      type: 'Sequence',
      normalizers: [
        replace('``'),
        replace("''"),
        ...(flag(config, 'keep_accents', false) ? [] : [{ type: 'NFKD' }, { type: 'StripAccents' }]),
        ...(flag(config, 'do_lower_case', true) ? [{ type: 'Lowercase' }] : []),
        ...precompiled(spm),
      ],
    },
    postProcessor: (token) => bertTemplate(token('cls'), token('sep')),
  });
}

/** Source: transformers' T5Converter and tokenization_t5.py. */
export function t5(source: Source, spm: SentencePieceModel): Json {
  const count = Number(source.config.extra_ids ?? 100);
  if (!(Number.isInteger(count) && count >= 0 && count <= 10_000)) {
    const path = join(source.folder, 'tokenizer_config.json');
    throw new ModelError(`extra_ids is ${JSON.stringify(source.config.extra_ids)}`, path, 'give a number of tokens');
  }
  const sentinels = Array.from({ length: count }, (_, i) => `<extra_id_${count - 1 - i}>`);
  const parts = scored(source, spm, true);
  return assemble(source, {
    ...parts,
    names: { eos: '</s>', unk: '<unk>', pad: '<pad>' },
    extra: [...parts.extra, ...sentinels.map((content) => newToken(content))],
    model: () => unigram(2, [...piecesOf(spm), ...sentinels.map((content) => [content, 0] as const)]),
    postProcessor: (token) => {
      const eos = token('eos');
      return template(
        ['A', eos],
        [
          ['A', 0],
          [eos, 0],
          ['B', 0],
          [eos, 0],
        ],
      );
    },
  });
}

/**
 * Source: transformers' DebertaV2Converter, as its tokenizer.json of every version before 5 has it; 5 leaves the character
 * map out, without which full-width letters are unknown.
 */
export function debertaV2(source: Source, spm: SentencePieceModel): Json {
  const { config } = source;
  const punctuation = { type: 'Punctuation', behavior: 'Isolated' };
  const parts = scored(source, spm);
  return assemble(source, {
    ...parts,
    names: { bos: '[CLS]', eos: '[SEP]', unk: '[UNK]', sep: '[SEP]', pad: '[PAD]', cls: '[CLS]', mask: '[MASK]' },
    model: () => unigram(spm.unkId, piecesOf(spm)),
    normalizer: {
      type: 'Sequence',
      normalizers: [
        ...(flag(config, 'do_lower_case', false) ? [{ type: 'Lowercase' }] : []),
        { type: 'Strip', strip_left: true, strip_right: true },
        ...precompiled(spm),
        { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' },
      ],
    },
    preTokenizer: {
      type: 'Sequence',
      pretokenizers: [...(flag(config, 'split_by_punct', false) ? [punctuation] : []), metaspace('always')],
    },
    postProcessor: (token) => bertTemplate(token('cls'), token('sep')),
  });
}

/** The parts that tokenizers of scored pieces share. */
function scored({ config }: Source, spm: SentencePieceModel, always = false) {
  const scheme = always || flag(config, 'add_prefix_space', true) ? 'always' : 'never';
  const [normalizer = null] = precompiled(spm);
  return {
    extra: symbols(spm),
    normalizer,
    preTokenizer: { type: 'Sequence', pretokenizers: [{ type: 'WhitespaceSplit' }, metaspace(scheme)] },
    decoder: metaspace(scheme),
  } satisfies Partial<Parts>;
}

function precompiled({ charsmap }: SentencePieceModel): Json[] {
  return charsmap.length === 0 ? [] : [{ type: 'Precompiled', precompiled_charsmap: charsmap.toString('base64') }];
}

/** bos A eos, and bos A eos eos B eos, all of type 0. */
function doubledTemplate(bos: Named, eos: Named): Json {
  const pair = [bos, 'A', eos, eos, 'B', eos] as const;
  return template(
    [bos, 'A', eos],
    pair.map((part) => [part, 0] as const),
  );
}

function piecesOf(spm: SentencePieceModel): Pieces {
  refuseOther(spm, 1, 'unigram');
  return spm.pieces.map(({ piece, score }) => [piece, score] as const);
}

function unigram(unk_id: number, vocab: Pieces): Model {
  return { type: 'Unigram', unk_id, vocab, byte_fallback: false };
}
