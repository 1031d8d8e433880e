/** Which in-batch negatives are no negatives, told by their texts. N records. */

/**
 * A candidate is none of text i where it is equal to that text, or to a partner of a text equal to it.
 *
 * @param texts N
 * @param partners N; partner i belongs to text i.
 * @param candidates M
 * @returns float32 [N, M], 1 where a candidate counts for nothing.
 */
export function sameTexts(
  texts: readonly string[],
  partners: readonly string[],
  candidates: readonly string[],
): Float32Array {
  const known = new Map<string, Set<string>>();
  texts.forEach((text, i) => {
    const own = known.get(text) ?? new Set([text]);
    known.set(text, own.add(partners[i] as string));
  });
  const columns = new Map<string, number[]>();
  candidates.forEach((text, column) => {
    const found = columns.get(text);
    if (found) found.push(column);
    else columns.set(text, [column]);
  });
  const mask = new Float32Array(texts.length * candidates.length);
  texts.forEach((text, row) => {
    for (const own of known.get(text) as Set<string>) {
      for (const column of columns.get(own) ?? []) mask[row * candidates.length + column] = 1;
    }
  });
  return mask;
}
