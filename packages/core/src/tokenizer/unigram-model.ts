/** Cuts a word into the pieces whose scores have the highest sum. Source: Python's tokenizers, models/unigram/model.rs. */

import type { Json } from './parts.ts';

/** What an unknown character scores below the lowest score. */
const UNKNOWN_PENALTY = 10;

export class UnigramModel {
  readonly ids: Map<string, number>;
  readonly unknownId: number;
  readonly #scores: readonly number[];
  /** Every beginning of a piece: its id, or -1 where it is none itself. */
  readonly #beginnings = new Map<string, number>();
  readonly #unknownScore: number;
  readonly #unknown: string;
  readonly #byteFallback: boolean;

  /** @throws Error for pieces that are none. */
  constructor(config: Json) {
    const { vocab, unk_id: unkId } = config;
    if (!Array.isArray(vocab) || !vocab.every(isPiece)) throw new Error('vocab is no list of pieces and scores');
    const unknown = vocab[unkId as number]?.[0];
    if (unknown === undefined) throw new Error(`unk_id is ${JSON.stringify(unkId)} of ${vocab.length} pieces`);
    this.ids = new Map(vocab.map(([piece], id) => [piece, id]));
    this.unknownId = unkId as number;
    this.#unknown = unknown;
    this.#scores = vocab.map(([, score]) => score);
    this.#unknownScore =
      this.#scores.reduce((least, score) => Math.min(least, score), Number.POSITIVE_INFINITY) - UNKNOWN_PENALTY;
    this.#byteFallback = config.byte_fallback === true;
    for (const [piece, id] of this.ids) {
      for (let end = piece.length - 1; end > 0 && !this.#beginnings.has(piece.slice(0, end)); end--) {
        this.#beginnings.set(piece.slice(0, end), -1);
      }
      this.#beginnings.set(piece, id);
    }
  }

  /** The word's pieces. */
  encode(word: string): string[] {
    const best = new Float64Array(word.length + 1); // score of the best pieces up to here
    const from = new Int32Array(word.length + 1).fill(-1); // where the last of them begins
    const ids = new Int32Array(word.length + 1);
    const offer = (start: number, end: number, score: number, id: number) => {
      const sum = score + (best[start] as number);
      if (from[end] !== -1 && sum <= (best[end] as number)) return;
      best[end] = sum;
      from[end] = start;
      ids[end] = id;
    };
    for (let start = 0; start < word.length; ) {
      const next = start + ((word.codePointAt(start) as number) > 0xffff ? 2 : 1);
      let known = false;
      for (let end = next; end <= word.length; end += (word.codePointAt(end) ?? 0) > 0xffff ? 2 : 1) {
        const id = this.#beginnings.get(word.slice(start, end));
        if (id === undefined) break;
        if (id < 0) continue;
        offer(start, end, this.#scores[id] as number, id);
        known ||= end === next;
      }
      if (!known) offer(start, next, this.#unknownScore, this.unknownId);
      start = next;
    }
    const pieces: string[] = []; // backwards
    for (let end = word.length; end > 0; ) {
      let start = from[end] as number;
      if (ids[end] !== this.unknownId) pieces.push(word.slice(start, end));
      else {
        while (start > 0 && ids[start] === this.unknownId) start = from[start] as number;
        pieces.push(...this.#unknownPieces(word.slice(start, end)));
      }
      end = start;
    }
    return pieces.reverse();
  }

  /** One for all unknown characters side by side, or their bytes; backwards. */
  #unknownPieces(text: string): string[] {
    if (this.ids.has(text)) return [text];
    if (!this.#byteFallback) return [this.#unknown];
    const bytes = Array.from(
      new TextEncoder().encode(text),
      (byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
    );
    return bytes.every((byte) => this.ids.has(byte)) ? bytes.reverse() : [this.#unknown];
  }
}

function isPiece(value: unknown): value is [piece: string, score: number] {
  return Array.isArray(value) && typeof value[0] === 'string' && Number.isFinite(value[1]);
}
