/** A packed batch of tokenized texts: no padding anywhere. B texts, T tokens of all of them together. */

/** Text b owns the tokens `offsets[b] … offsets[b + 1]` of `inputIds`. */
export interface TokenBatch {
  /** int32 [T] */
  inputIds: Int32Array;
  /** int32 [B + 1] */
  offsets: Int32Array;
}

import { BATCH, requireKind, requireList } from '../arguments.ts';

const IDS = {
  name: 'a list of token ids',
  is: (value: unknown) => {
    if (value instanceof Int32Array) return true; // the tokenizer's own
    return Array.isArray(value) && value.every((id) => Number.isInteger(id) && id >= 0 && id < 2 ** 31);
  },
};

/** Lays texts' ids one after the other. */
export function packTokens(texts: readonly ArrayLike<number>[]): TokenBatch {
  requireList(texts, IDS, 'texts');
  const offsets = new Int32Array(texts.length + 1);
  texts.forEach((ids, b) => {
    offsets[b + 1] = (offsets[b] as number) + ids.length;
  });
  const inputIds = new Int32Array(offsets[texts.length] as number);
  texts.forEach((ids, b) => {
    inputIds.set(ids, offsets[b]);
  });
  return { inputIds, offsets };
}

/** Tokens of each text. */
export function lengthsOf(batch: TokenBatch): number[] {
  requireKind(batch, BATCH, 'batch');
  const { offsets } = batch;
  return Array.from({ length: offsets.length - 1 }, (_, b) => (offsets[b + 1] as number) - (offsets[b] as number));
}

/** L, the tokens of the longest text. */
export function longestOf(batch: TokenBatch): number {
  return Math.max(...lengthsOf(batch));
}

/** Tokens of a text that a batch size is reckoned with. */
const USUAL_TOKENS = 128;

/**
 * Groups of texts to encode at once, as indices: `batchSize` texts, and of short ones as many more as make the tokens of
 * `batchSize` texts of 128. Without padding a wider batch costs no work, and small matrices keep no core busy.
 *
 * @param lengths Tokens of each text. The longest come first, so that the first batch needs the most memory.
 */
export function batchesByLength(lengths: readonly number[], batchSize: number): number[][] {
  const order = [...lengths.keys()].sort((a, b) => (lengths[b] as number) - (lengths[a] as number));
  const batches: number[][] = [];
  let tokens = Number.POSITIVE_INFINITY;
  for (const index of order) {
    const batch = batches.at(-1) ?? [];
    tokens += lengths[index] as number;
    if (batch.length > 0 && (batch.length < batchSize || tokens <= batchSize * USUAL_TOKENS)) {
      batch.push(index);
      continue;
    }
    batches.push([index]);
    tokens = lengths[index] as number;
  }
  return batches;
}
