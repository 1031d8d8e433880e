/** Normalizers of tokenizer.json, character by character as Python's tokenizers has them. Source: its normalizers/*.rs. */

import { Charsmap } from './charsmap.ts';
import { ByteLevelPreTokenizer, checkPattern, ReplaceNormalizer } from './library.ts';
import type { Json } from './parts.ts';

export type Normalize = (text: string) => string;

const CONTROL = /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\ufffd]/gu;
const WHITE_SPACE = /\p{White_Space}/gu;
const CHINESE =
  /[\u{4e00}-\u{9fff}\u{3400}-\u{4dbf}\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{f900}-\u{faff}\u{2f800}-\u{2fa1f}]/gu;

const NMT_SPACES = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g;

/** @throws Error for a type that is not known. */
export function createNormalizer(config: Json): Normalize {
  switch (config.type) {
    case 'Sequence': {
      const steps = (config.normalizers as Json[]).map(createNormalizer);
      return (text) => steps.reduce((result, step) => step(result), text);
    }
    case 'BertNormalizer':
      return bertNormalizer(config);
    case 'Precompiled': {
      const bytes = base64(String(config.precompiled_charsmap ?? ''));
      if (bytes.length === 0) return (text) => text;
      const charsmap = new Charsmap(bytes);
      return (text) => charsmap.apply(text);
    }
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD': {
      const form = config.type;
      return (text) => text.normalize(form);
    }
    case 'StripAccents':
      return (text) => text.replace(/\p{M}/gu, '');
    case 'Lowercase':
      return lowercase;
    case 'Strip': {
      const { strip_left: left, strip_right: right } = config;
      return (text) => {
        const behind = right === true ? trimEnd(text) : text;
        return left === true ? trimStart(behind) : behind;
      };
    }
    case 'Nmt':
      return (text) =>
        text.replace(/\p{Cc}/gu, (control) => (isDroppedByNmt(control) ? '' : control)).replace(NMT_SPACES, ' ');
    case 'ByteLevel': {
      const bytes = new ByteLevelPreTokenizer({ add_prefix_space: false, use_regex: false });
      return (text) => bytes.pre_tokenize_text(text).join('');
    }
    case 'Prepend':
      return (text) => (text === '' ? '' : `${config.prepend}${text}`);
    case 'Replace': {
      checkPattern(config.pattern);
      const replace = new ReplaceNormalizer(config);
      return (text) => replace.normalize(text);
    }
    default:
      throw new Error(`the normalizer ${JSON.stringify(config.type)} is not known`);
  }
}

function bertNormalizer(config: Json): Normalize {
  const { clean_text: clean, handle_chinese_chars: chinese, lowercase: lower } = config;
  const strip = config.strip_accents ?? lower;
  return (text) => {
    let result = text;
    if (clean === true) result = result.replace(CONTROL, '').replace(WHITE_SPACE, ' ');
    if (chinese === true) result = result.replace(CHINESE, ' $& ');
    if (strip === true) result = result.normalize('NFD').replace(/\p{Mn}/gu, '');
    return lower === true ? lowercase(result) : result;
  };
}

function isDroppedByNmt(control: string): boolean {
  const code = control.charCodeAt(0);
  return code < 0x80 ? !'\0\t\n\f\r'.includes(control) : code === 0x8f || code === 0x9f;
}

/** @throws Error for what is no base64. */
function base64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** Each letter by itself: a sigma at a word's end is one as any other. */
function lowercase(text: string): string {
  return text.replaceAll('Σ', 'σ').toLowerCase();
}

/** Unicode's white space: String.trim takes U+FEFF too, and leaves U+0085. */
export function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(0, end);
}

/** As trimEnd. */
export function trimStart(text: string): string {
  let start = 0;
  while (start < text.length && isSpace(text.charCodeAt(start))) start++;
  return text.slice(start);
}

const SPACES = new Set(
  '\t\n\v\f\r \u0085\u00a0\u1680\u2028\u2029\u202f\u205f\u3000'.split('').map((c) => c.charCodeAt(0)),
);

function isSpace(code: number): boolean {
  return SPACES.has(code) || (code >= 0x2000 && code <= 0x200a);
}
