/** Names under which other tools keep the texts of a record. They are suggested, never taken unasked. */

const SUGGESTIONS: readonly (readonly [from: readonly string[], to: readonly string[]])[] = [
  ...['anchor', 'query', 'question', 'sentence'].flatMap((text) =>
    ['positive', 'pos', 'answer', 'passage', 'document', 'response'].flatMap((positive) =>
      ['negative', 'neg', undefined].map((negative): [string[], string[]] =>
        negative
          ? [
              [text, positive, negative],
              ['text', 'text_pos', 'text_neg'],
            ]
          : [
              [text, positive],
              ['text', 'text_pos'],
            ],
      ),
    ),
  ),
  ...(
    [
      ['sentence_A', 'sentence_B'],
      ['sentence_a', 'sentence_b'],
      ['sentence1', 'sentence2'],
      ['text1', 'text2'],
    ] as const
  ).flatMap((texts) =>
    ['label', 'score', 'similarity', 'similarity_score', 'relatedness_score'].map((label): [string[], string[]] => [
      [...texts, label],
      ['sentence1', 'sentence2', 'label'],
    ]),
  ),
];

/** The names of columns by what they would have to be called: `anchor` → `text`; undefined where none is known. */
export function suggestedNames(columns: readonly string[]): Record<string, string> | undefined {
  const found = SUGGESTIONS.find(([from]) => from.every((name) => columns.includes(name)));
  if (!found) return undefined;
  const [from, to] = found;
  return Object.fromEntries(from.map((name, i) => [name, to[i] as string]).filter(([name, other]) => name !== other));
}
