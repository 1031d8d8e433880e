/** Names under which other tools keep the texts of a record. They are suggested, never taken unasked. */

import { TEXT } from '@uniem/hub/arguments';

import { requireList } from '../arguments.ts';

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

/** A name of a column is short and no number; pandas' own numbers 0, 1, 2 are names. */
const LONGEST_NAME = 40;
const NUMBER = /^-?\d+(?:\.\d+)?$/;

function looksLikeData(name: string): boolean {
  return (
    NUMBER.test(name) ||
    name.length > LONGEST_NAME ||
    /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Hangul}]{6}|[。？！，?!]|\S+\s+\S+\s+\S+\s+\S/u.test(name)
  );
}

/** What to do where the names of columns look like a record; undefined where they look like names. */
export function headerHint(columns: readonly string[]): { what: string; fix: string } | undefined {
  requireList(columns, TEXT, 'columns');
  const isNumbered = columns.every((name, i) => name === String(i));
  if (columns.length < 2 || isNumbered || !columns.some(looksLikeData)) return undefined;
  // An object's keys that are numbers come first, wherever they stood: such files have their label last.
  const isLabelled = columns.some((name) => NUMBER.test(name));
  const names =
    columns.length === 2
      ? isLabelled
        ? 'text,label'
        : 'text,text_pos'
      : columns.length === 3
        ? isLabelled
          ? 'sentence1,sentence2,label'
          : 'text,text_pos,text_neg'
        : columns.map((_, i) => `name${i + 1}`).join(',');
  return {
    what: 'they look like a record, not a header',
    fix: `if the file has no header, name its columns: --columns ${names} (option columnNames)`,
  };
}
