/** Encodings of text: their names, byte-order marks, and which one undecodable bytes are likely to be. */

import { TextDecoder } from 'node:util';

import { DataError } from '../errors.ts';

const UTF16 = ['utf-16le', 'utf-16be'] as const;
/** Bytes that a guess looks at. */
const SAMPLE = 1 << 16;

/** TextDecoder's own name of an encoding. @throws DataError for one that it does not know. */
export function encodingName(label: string): string {
  try {
    return new TextDecoder(label).encoding;
  } catch (cause) {
    const fix = 'give one that TextDecoder knows, as gb18030, gbk, big5, shift_jis, euc-kr, utf-16 or windows-1252';
    throw new DataError(`no encoding '${label}'`, 'encoding', fix, { cause });
  }
}

/** What a byte-order mark says; undefined without one. */
export function markedEncoding(head: Buffer): string | undefined {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be';
  return head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 'utf-8' : undefined;
}

/** UTF-16 without a mark has zeros at every other byte wherever it holds ASCII: newlines and delimiters at least. */
export function unmarkedUtf16(head: Buffer): string | undefined {
  const zeros = [0, 0];
  head.forEach((byte, i) => {
    if (byte === 0) (zeros[i % 2] as number) += 1;
  });
  const [even, odd] = zeros as [number, number];
  if (even + odd < Math.max(1, head.length / 100)) return undefined;
  return odd >= even ? UTF16[0] : UTF16[1];
}

/** Characters that nearly every Chinese sentence has some of, simplified or traditional. */
const COMMON_CHINESE =
  /[的一是不了在人有我他这這个個们們中来來上大为為和国國地到以说說时時要就出会會可也你对對生能而子那得于着著下自之年过過发發后後作里裡用道行所然家种種事成方多经經么麼去法学學如都同现現当當没沒动動面起看定天分还還进進好小部其些主样樣理心她本前开開但因只从從想实實什怎吗嗎呢吧，。？！、：]/gu;

/** Encodings in the order in which they are tried, and how much of a text has to be of its usual characters. */
const CANDIDATES: readonly { names: readonly string[]; usual: RegExp; least: number }[] = [
  { names: ['shift_jis', 'euc-jp'], usual: /[\u3040-\u30ff]/gu, least: 0.2 }, // kana, which Chinese text does not have
  { names: ['gb18030', 'big5'], usual: COMMON_CHINESE, least: 0.08 },
  { names: ['euc-kr'], usual: /[\uac00-\ud7a3]/gu, least: 0.7 },
  { names: ['windows-1252'], usual: /[\u00c0-\u00fe\u0152-\u0178\u2018-\u201d\u20ac]/gu, least: 0.75 },
];

/** The encoding that bytes which are not UTF-8 are likely to be of; undefined where none fits. */
export function likelyEncoding(bytes: Buffer): string | undefined {
  const sample = bytes.subarray(0, SAMPLE);
  const utf16 = unmarkedUtf16(sample);
  if (utf16 !== undefined) return utf16;
  for (const { names, usual, least } of CANDIDATES) {
    const shares = names.map((name) => shareOf(usual, decoded(sample, name)));
    const most = Math.max(...shares);
    if (most >= least) return names[shares.indexOf(most)];
  }
  return undefined;
}

/** How many of a text's characters outside ASCII are usual ones, from 0 to 1. */
function shareOf(usual: RegExp, text = ''): number {
  return (text.match(usual) ?? []).length / Math.max(1, (text.match(/[^\0-\x7f]/gu) ?? []).length);
}

/** The text, if the bytes are of the encoding; a character that the sample cuts at its end does not count. */
function decoded(bytes: Buffer, encoding: string): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: true });
  } catch {
    return undefined;
  }
}
