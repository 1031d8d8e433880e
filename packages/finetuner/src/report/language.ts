/** The language of training texts, where their script or their words leave no doubt: a wrong one is worse than none. */

/** Of the texts with letters, that must be of the language. */
const CERTAIN = 0.95;

/** Scripts that one language alone is written in, but for a few speakers. */
const SCRIPTS: readonly [language: string, script: RegExp][] = [
  ['ja', /[\p{Script=Hiragana}\p{Script=Katakana}]/u],
  ['ko', /\p{Script=Hangul}/u],
  ['zh', /\p{Script=Han}/u],
  ['th', /\p{Script=Thai}/u],
  ['el', /\p{Script=Greek}/u],
  ['he', /\p{Script=Hebrew}/u],
  ['ka', /\p{Script=Georgian}/u],
  ['hy', /\p{Script=Armenian}/u],
];

/** Of a text's letters, that must be of the script: names and terms are often Latin. */
const OWN_LETTERS = 0.3;

/** In no other language of the Latin script is "the" a word; in English texts it is one word in twenty. */
const ENGLISH_WORD = /^the$/i;
const ENGLISH_SHARE = 0.01;

/**
 * The language (ISO 639-1) that the texts are certainly in; undefined for several, and for scripts of many languages.
 *
 * @param texts Some of them, from everywhere.
 */
export function languageOf(texts: readonly string[]): string | undefined {
  const sample = texts.filter((text) => /\p{Letter}/u.test(text));
  if (sample.length === 0) return undefined;
  const counts = new Map<string | undefined, number>();
  for (const text of sample) {
    const language = scriptLanguage(text);
    counts.set(language, (counts.get(language) ?? 0) + 1);
  }
  const [[language, count]] = [...counts].sort(([, a], [, b]) => b - a) as [[string | undefined, number]];
  if (count < CERTAIN * sample.length) return undefined;
  if (language === 'zh' && counts.has('ja')) return undefined; // Japanese titles may be of Chinese characters alone
  return language ?? (isEnglish(sample) ? 'en' : undefined);
}

function scriptLanguage(text: string): string | undefined {
  const letters = text.match(/\p{Letter}/gu) ?? [];
  return SCRIPTS.find(
    ([, script]) => letters.filter((letter) => script.test(letter)).length >= least(letters.length),
  )?.[0];
}

const least = (letters: number) => Math.max(1, OWN_LETTERS * letters);

function isEnglish(texts: readonly string[]): boolean {
  const words = texts.flatMap((text) => text.match(/\p{Letter}+/gu) ?? []);
  const plain = words.filter((word) => /^[a-z]+$/i.test(word)).length;
  return (
    plain >= CERTAIN * words.length &&
    words.filter((word) => ENGLISH_WORD.test(word)).length >= ENGLISH_SHARE * words.length
  );
}
