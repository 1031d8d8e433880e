/** Normalizers and pre-tokenizers, each by itself: fixtures/tokenizers/generate_steps.py. */

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

import { describe, expect, test } from 'vitest';

import { createNormalizer } from './normalizer.ts';
import type { Json } from './parts.ts';
import { createPreTokenizer } from './pre-tokenizer.ts';

interface Step<T> {
  config: Json;
  expected: T[];
}

const fixture = (name: string) => readFileSync(new URL(`../../../../fixtures/tokenizers/${name}`, import.meta.url));
interface Steps {
  normalizer: Step<string>[];
  preTokenizer: Step<string[]>[];
  newer: { texts: string[]; normalizer: string[]; preTokenizer: string[][] };
}

const steps: Steps = JSON.parse(gunzipSync(fixture('steps.json.gz')).toString());
const texts = (JSON.parse(fixture('texts.json').toString()) as { texts: string[] }).texts.map((text) =>
  text.replace(/\p{Surrogate}/gu, '\ufffd'),
);

const named = <T>(list: Step<T>[]) => list.map((step) => [JSON.stringify(step.config), step] as const);
const differing = (actual: unknown[], expected: unknown[]) =>
  texts.flatMap((text, i) =>
    JSON.stringify(actual[i]) === JSON.stringify(expected[i])
      ? []
      : [{ text, actual: actual[i], expected: expected[i] }],
  );

describe('the normalizer', () => {
  test.each(named(steps.normalizer))('%s', (_, { config, expected }) => {
    expect(differing(texts.map(createNormalizer(config)), expected)).toEqual([]);
  });
});

describe('the pre-tokenizer', () => {
  test.each(named(steps.preTokenizer))('%s', (_, { config, expected }) => {
    const cut = createPreTokenizer(config);
    const words = texts.map((text) => (text === '' ? [] : cut([{ text, first: true }]).map((word) => word.text)));
    expect(differing(words, expected)).toEqual([]);
  });
});

test('marks and punctuation that came after Unicode 8 are none in Python', () => {
  const { texts, normalizer, preTokenizer } = steps.newer;
  expect(normalizer).toEqual(texts);
  expect(preTokenizer).toEqual(texts.map((text) => [text]));
  const normalize = createNormalizer(steps.normalizer[0]?.config as Json);
  const cut = createPreTokenizer(steps.preTokenizer[0]?.config as Json);
  const words = (text: string) => cut([{ text: normalize(text), first: true }]).map((word) => word.text);
  expect(texts.map(words)).toEqual([['a', '\u2e45', 'b'], ['a', '\u061d', 'b'], ['ab'], ['ab']]);
});
