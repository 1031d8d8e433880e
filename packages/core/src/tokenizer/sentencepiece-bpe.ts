/** Sentencepiece's .model of BPE with bytes: Llama and Mistral, Gemma. */

import { assemble, boundsTemplate, flag, type Json, type Model, type Source } from './parts.ts';
import type { SentencePieceModel } from './sentencepiece-model.ts';
import { metaspace, refuseOther, SPACE, symbols } from './sentencepiece-parts.ts';

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
      ...metaspace(prefix ? (flag(config, 'legacy', false) ? 'always' : 'first') : 'never'),
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

function byteDecoder(further: readonly Json[] = []): Json {
  const space = { type: 'Replace', pattern: { String: SPACE }, content: ' ' };
  return { type: 'Sequence', decoders: [space, { type: 'ByteFallback' }, { type: 'Fuse' }, ...further] };
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
