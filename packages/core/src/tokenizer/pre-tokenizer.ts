/** Pre-tokenizers of tokenizer.json, which cut a text into words. Source: Python's tokenizers, pre_tokenizers/*.rs. */

import { ByteLevelPreTokenizer, checkPattern, SplitPreTokenizer } from './library.ts';
import type { Json } from './parts.ts';

/** A word, and whether the text begins with it. */
export interface Word {
  text: string;
  first: boolean;
}

export type PreTokenize = (words: readonly Word[]) => Word[];

const PUNCTUATION = '\\p{P}!-\\/:-@\\[-`\\{-~';
const LETTERS = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200c\\u200d';
const BYTE_LEVEL_WORDS =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** @throws Error for a type that is not known. */
export function createPreTokenizer(config: Json): PreTokenize {
  switch (config.type) {
    case 'Sequence': {
      const steps = (config.pretokenizers as Json[]).map(createPreTokenizer);
      return (words) => steps.reduce<Word[]>((result, step) => step(result), [...words]);
    }
    case 'BertPreTokenizer':
      return matches(new RegExp(`[^\\p{White_Space}${PUNCTUATION}]+|[${PUNCTUATION}]`, 'gu'));
    case 'Whitespace':
      return matches(new RegExp(`[${LETTERS}]+|[^${LETTERS}\\p{White_Space}]+`, 'gu'));
    case 'WhitespaceSplit':
      return matches(/\P{White_Space}+/gu);
    case 'CharDelimiterSplit':
      return split(literal(String(config.delimiter)), 'Removed');
    case 'Punctuation':
      return split(new RegExp(`[${PUNCTUATION}]`, 'gu'), String(config.behavior ?? 'Isolated'));
    case 'Digits':
      return split(/\p{N}/gu, config.individual_digits === true ? 'Isolated' : 'Contiguous');
    case 'Split': {
      // The library turns Oniguruma's patterns into those of JavaScript.
      checkPattern(config.pattern);
      const { pattern } = new SplitPreTokenizer({ ...config, invert: false, behavior: 'Isolated' });
      return split(pattern, String(config.behavior), config.invert === true);
    }
    case 'Metaspace':
      return metaspace(config);
    case 'ByteLevel':
      return byteLevel(config);
    default:
      throw new Error(`the pre-tokenizer ${JSON.stringify(config.type)} is not known`);
  }
}

function metaspace(config: Json): PreTokenize {
  const space = String(config.replacement ?? '▁');
  const scheme = config.prepend_scheme ?? (config.add_prefix_space === false ? 'never' : 'always');
  const cut = split(literal(space), 'MergedWithNext');
  return (words) => {
    const spaced = words.map(({ text, first }) => {
      const replaced = text.replaceAll(' ', () => space);
      const wanted = (scheme === 'always' || (scheme === 'first' && first)) && !replaced.startsWith(space);
      return { text: wanted ? space + replaced : replaced, first };
    });
    return config.split === false ? spaced : cut(spaced);
  };
}

function byteLevel(config: Json): PreTokenize {
  const bytes = new ByteLevelPreTokenizer({ ...config, type: 'ByteLevel', add_prefix_space: false, use_regex: false });
  const cut: PreTokenize = config.use_regex === false ? (words) => [...words] : split(BYTE_LEVEL_WORDS, 'Isolated');
  return (words) => {
    const spaced = words.map((word) =>
      config.add_prefix_space === true && !word.text.startsWith(' ') ? { ...word, text: ` ${word.text}` } : word,
    );
    return cut(spaced).map(({ text, first }) => ({ text: bytes.pre_tokenize_text(text).join(''), first }));
  };
}

function literal(text: string): RegExp {
  return new RegExp(text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'gu');
}

/** What matches is a word; all else is dropped. */
function matches(pattern: RegExp): PreTokenize {
  return (words) =>
    words.flatMap(({ text, first }) =>
      Array.from(text.matchAll(pattern), (match) => ({ text: match[0], first: first && match.index === 0 })),
    );
}

/** Cuts where the pattern matches; the behavior says whose part a match is. */
function split(pattern: RegExp, behavior: string, invert = false): PreTokenize {
  const join = JOINS[behavior];
  if (!join) throw new Error(`the behavior ${JSON.stringify(behavior)} is not known`);
  return (words) =>
    words.flatMap(({ text, first }) => {
      const parts: Part[] = [];
      let end = 0;
      const push = (from: number, to: number, match: boolean) => {
        if (to > from) parts.push({ text: text.slice(from, to), match: match !== invert, from });
      };
      for (const { index, 0: found } of text.matchAll(pattern)) {
        push(end, index, false);
        push(index, index + found.length, true);
        end = index + found.length;
      }
      push(end, text.length, false);
      return join(parts).map((part) => ({ text: part.text, first: first && part.from === 0 }));
    });
}

interface Part {
  text: string;
  match: boolean;
  from: number;
}

/** Which neighbours become one. Source: tokenizers' tokenizer/normalizer.rs, SplitDelimiterBehavior. */
const JOINS: Readonly<Record<string, (parts: readonly Part[]) => readonly Part[]>> = {
  Removed: (parts) => parts.filter(({ match }) => !match),
  Isolated: (parts) => parts,
  Contiguous: (parts) => joined(parts, (a, b) => a.match === b.match),
  MergedWithPrevious: (parts) => joined(parts, (a, b) => !a.match && b.match),
  MergedWithNext: (parts) => joined(parts, (a, b) => a.match && !b.match),
};

function joined(parts: readonly Part[], join: (a: Part, b: Part) => boolean): Part[] {
  const result: Part[] = [];
  parts.forEach((part, i) => {
    const before = parts[i - 1];
    const last = result.at(-1);
    if (before && last && join(before, part)) last.text += part.text;
    else result.push({ ...part });
  });
  return result;
}
