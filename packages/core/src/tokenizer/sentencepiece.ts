/** Sentencepiece's .model: XLM-RoBERTa, CamemBERT, ALBERT, T5, DeBERTa v2, whose pieces have scores; Llama, Gemma by BPE. */

import { ModelError } from '../errors.ts';
import {
  assemble,
  bertTemplate,
  boundsTemplate,
  flag,
  type Json,
  type Model,
  type Named,
  type Parts,
  type Source,
  template,
} from './parts.ts';
import type { SentencePieceModel } from './sentencepiece-model.ts';
import { type NewToken, newToken } from './special-tokens.ts';

const SPACE = '▁';

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
  const count = source.config.extra_ids ?? 100;
  if (!Number.isInteger(count) || (count as number) < 0 || (count as number) > 10_000) {
    throw new ModelError(`extra_ids is ${JSON.stringify(count)}`, source.folder, 'give tokenizer_config.json a count');
  }
  const sentinels = Array.from({ length: count as number }, (_, i) => `<extra_id_${(count as number) - 1 - i}>`);
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

/** Source: transformers' tokenization_llama.py. */
export function llama(source: Source, spm: SentencePieceModel): Json {
  const { config } = source;
  const prefix = flag(config, 'add_prefix_space', true);
  return assemble(source, {
    names: { bos: '<s>', eos: '</s>', unk: '<unk>' },
    extra: symbols(spm),
    model: () => bytePairs(spm, null),
    normalizer: null,
    preTokenizer: {
      ...metaspace(prefix ? (flag(config, 'legacy', true) ? 'always' : 'first') : 'never'),
      split: false,
    },
    decoder: byteDecoder(prefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
    postProcessor: (_, find) => boundsTemplate(config, find('bos'), find('eos')),
  });
}

/** Source: transformers' tokenization_gemma.py. */
export function gemma(source: Source, spm: SentencePieceModel): Json {
  return assemble(source, {
    names: { bos: '<bos>', eos: '<eos>', unk: '<unk>', pad: '<pad>', mask: '<mask>' },
    extra: symbols(spm),
    model: (token) => bytePairs(spm, token('unk')),
    normalizer: { type: 'Replace', pattern: { String: ' ' }, content: SPACE },
    preTokenizer: { type: 'Split', pattern: { String: ' ' }, behavior: 'MergedWithPrevious', invert: false },
    decoder: byteDecoder(),
    postProcessor: (_, find) => boundsTemplate(source.config, find('bos'), find('eos')),
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

function metaspace(prepend_scheme: 'always' | 'first' | 'never'): Json {
  return { type: 'Metaspace', replacement: SPACE, prepend_scheme, split: true };
}

function precompiled({ charsmap }: SentencePieceModel): Json[] {
  return charsmap.length === 0 ? [] : [{ type: 'Precompiled', precompiled_charsmap: charsmap.toString('base64') }];
}

/** Control tokens and the user's symbols. */
function symbols({ pieces }: SentencePieceModel): NewToken[] {
  return pieces.flatMap(({ piece, type }) =>
    type === 3 || type === 4 ? [newToken(piece, { special: type === 3, normalized: false })] : [],
  );
}

/** bos A eos, and bos A eos eos B eos, all of type 0. */
function doubledTemplate(bos: Named, eos: Named): Json {
  const pair = [bos, 'A', eos, eos, 'B', eos] as const;
  return template(
    [bos, 'A', eos],
    pair.map((part) => [part, 0] as const),
  );
}

function byteDecoder(further: readonly Json[] = []): Json {
  const space = { type: 'Replace', pattern: { String: SPACE }, content: ' ' };
  return { type: 'Sequence', decoders: [space, { type: 'ByteFallback' }, { type: 'Fuse' }, ...further] };
}

function piecesOf(spm: SentencePieceModel): Pieces {
  refuseOther(spm, 1, 'unigram');
  return spm.pieces.map(({ piece, score }) => [piece, score] as const);
}

function unigram(unk_id: number, vocab: Pieces): Model {
  return { type: 'Unigram', unk_id, vocab, byte_fallback: false };
}

function bytePairs(spm: SentencePieceModel, unk_token: string | null): Model {
  refuseOther(spm, 2, 'BPE');
  const vocab = Object.fromEntries(spm.pieces.map(({ piece }, id) => [piece, id]));
  return {
    type: 'BPE',
    dropout: null,
    unk_token,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: true,
    byte_fallback: true,
    ignore_merges: false,
    vocab,
    merges: mergesOf(spm),
  };
}

/** Every way to put a piece together from two others, the pieces in order. Source: transformers' generate_merges. */
function mergesOf({ pieces }: SentencePieceModel): [string, string][] {
  const ids = new Map(pieces.map(({ piece }, id) => [piece, id]));
  const length = (piece: string) => [...piece].length;
  return [...ids.keys()].flatMap((piece) => {
    const ways: [left: string, right: string, leftId: number, rightId: number][] = [];
    let left = '';
    for (const character of piece) {
      const leftId = ids.get(left);
      const rightId = ids.get(piece.slice(left.length));
      if (leftId !== undefined && rightId !== undefined) ways.push([left, piece.slice(left.length), leftId, rightId]);
      left += character;
    }
    ways.sort((a, b) => length(a[0]) - length(b[0]) || a[2] - b[2] || a[3] - b[3]);
    return ways.map(([l, r]) => [l, r] as [string, string]);
  });
}

function refuseOther({ algorithm, path }: SentencePieceModel, wanted: number, name: string): void {
  if (algorithm === wanted) return;
  const found = { 1: 'unigram', 2: 'BPE', 3: 'words', 4: 'characters' }[algorithm] ?? algorithm;
  throw new ModelError(
    `a sentencepiece model of ${found}, where this tokenizer needs one of ${name}`,
    path,
    'name the right tokenizer_class in tokenizer_config.json, or add tokenizer.json',
  );
}

export type SentencePieceKind = (source: Source, spm: SentencePieceModel) => Json;
