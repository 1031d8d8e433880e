/**
 * Sentencepiece's character map: which characters, alone or as one grapheme, become which text.
 *
 * The bytes are a count, a double-array trie of that many bytes (darts-clone) over UTF-8, and the texts, each ended by 0.
 * Source: tokenizers' spm_precompiled and normalizers/precompiled.rs.
 */

/** Where graphemes of several characters may be: marks, joiners, CR LF, flags, skin tones, Hangul's letters, and the like. */
const MAY_JOIN =
  /[\p{M}\p{Cf}\p{Grapheme_Extend}\p{Emoji_Modifier}\p{Regional_Indicator}\r\u{1100}-\u{11ff}\u{a960}-\u{a97c}\u{d7b0}-\u{d7fb}\u{e33}\u{eb3}\u{d4e}\u{111c2}\u{111c3}]/u;

const GRAPHEMES = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** What is remembered of characters and graphemes: more than a language's, and about a megabyte. */
const MOST_KNOWN = 10_000;

/** A grapheme of so many bytes is not looked up whole. */
const LONG_GRAPHEME = 6;

const UTF8 = new TextEncoder();
const TEXT = new TextDecoder('utf-8', { ignoreBOM: true });

export class Charsmap {
  readonly #units: Uint32Array;
  readonly #texts: Uint8Array;
  readonly #known = new Map<string, string | undefined>();

  /** @throws Error for bytes that are no character map. */
  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const size = bytes.length < 4 ? 0 : view.getUint32(0, true);
    if (size === 0 || size % 4 !== 0 || size > bytes.length - 4) throw new Error('precompiled_charsmap is cut off');
    this.#units = Uint32Array.from({ length: size / 4 }, (_, i) => view.getUint32(4 + i * 4, true));
    this.#texts = bytes.subarray(4 + size);
  }

  apply(text: string): string {
    let result = '';
    if (!MAY_JOIN.test(text)) {
      for (const character of text) result += this.#replacement(character) ?? character;
      return result;
    }
    for (const { segment } of GRAPHEMES.segment(text)) {
      const whole = UTF8.encode(segment).length < LONG_GRAPHEME ? this.#replacement(segment) : undefined;
      if (whole !== undefined) result += whole;
      else for (const character of segment) result += this.#replacement(character) ?? character;
    }
    return result;
  }

  /** That of the shortest beginning that has one, as there. */
  #replacement(piece: string): string | undefined {
    if (this.#known.has(piece)) return this.#known.get(piece);
    const at = this.#find(UTF8.encode(piece));
    const end = at === undefined ? -1 : this.#texts.indexOf(0, at);
    const text = at === undefined ? undefined : TEXT.decode(this.#texts.subarray(at, end < 0 ? undefined : end));
    if (this.#known.size >= MOST_KNOWN) this.#known.clear(); // texts of all the world's characters would fill it for ever
    this.#known.set(piece, text);
    return text;
  }

  #find(key: Uint8Array): number | undefined {
    const unit = (at: number) => this.#units[at] ?? 0;
    const offset = (value: number) => (value >>> 10) << ((value & 512) >>> 6);
    let at = offset(unit(0));
    for (const byte of key) {
      if (byte === 0) return undefined;
      at ^= byte;
      const value = unit(at);
      if ((value & 0x800000ff) !== byte) return undefined;
      at ^= offset(value);
      if ((value & 256) !== 0) return unit(at) & 0x7fffffff;
    }
    return undefined;
  }
}
