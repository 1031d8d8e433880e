/** A packed batch of tokenized texts: no padding anywhere. B texts, T tokens of all of them together. */

/** Text b owns the tokens `offsets[b] … offsets[b + 1]` of `inputIds`. */
export interface TokenBatch {
  /** int32 [T] */
  inputIds: Int32Array;
  /** int32 [B + 1] */
  offsets: Int32Array;
}

/** Lays texts' ids one after the other. */
export function packTokens(texts: readonly ArrayLike<number>[]): TokenBatch {
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
export function lengthsOf({ offsets }: TokenBatch): number[] {
  return Array.from({ length: offsets.length - 1 }, (_, b) => (offsets[b + 1] as number) - (offsets[b] as number));
}

/** L, the tokens of the longest text. */
export function longestOf(batch: TokenBatch): number {
  return Math.max(...lengthsOf(batch));
}
