/** Texts of several lengths as a graph takes them. B texts, S tokens of the longest. */

export interface PaddedBatch {
  /** [B, S] */
  shape: [number, number];
  /** Those that every graph has; token_type_ids are zeros. */
  values: { input_ids: Int32Array; attention_mask: Int32Array };
}

/** @param padding Which side of shorter texts is filled, with token 0. */
export function padBatch(texts: readonly ArrayLike<number>[], padding: 'left' | 'right'): PaddedBatch {
  const S = Math.max(...texts.map(({ length }) => length));
  const ids = new Int32Array(texts.length * S);
  const mask = new Int32Array(ids.length);
  texts.forEach((text, b) => {
    const start = b * S + (padding === 'left' ? S - text.length : 0);
    ids.set(text, start);
    mask.fill(1, start, start + text.length);
  });
  return { shape: [texts.length, S], values: { input_ids: ids, attention_mask: mask } };
}
