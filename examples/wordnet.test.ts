import { expect, test } from 'vitest';

import { parseSynset, wordnetPairs } from './wordnet.ts';

test.each([
  [
    'underscores are spaces and the examples are cut',
    '00002137 03 n 02 abstraction 0 abstract_entity 0 001 @ 00001740 n 0000 | a general concept; formed by extraction; "truth is one"; "so is beauty"  ',
    { text: 'abstraction, abstract entity', text_pos: 'a general concept; formed by extraction' },
  ],
  [
    'the word count is hexadecimal',
    `1 03 n 0a ${'abcdefghij'.split('').join(' 0 ')} 0 000 | ten letters`,
    { text: 'a, b, c, d, e, f, g, h, i, j', text_pos: 'ten letters' },
  ],
  [
    'adjective markers are cut, other brackets are not',
    '1 00 a 03 galore(ip) 0 last(a) 0 f(x) 0 000 | in great number (of things)',
    { text: 'galore, last, f(x)', text_pos: 'in great number (of things)' },
  ],
])('%s', (_, line, expected) => {
  expect(parseSynset(line)).toEqual(expected);
});

test('WordNet 3.1 gives 113,330 pairs with a definition over 15 characters', () => {
  const pairs = [...wordnetPairs()] as { text: string; text_pos: string }[];
  expect(pairs).toHaveLength(113_330);
  expect(pairs.every(({ text, text_pos }) => text.length > 0 && text_pos.length > 15)).toBe(true);
  expect(pairs.some(({ text }) => /_|\((a|p|ip)\)(,|$)/.test(text))).toBe(false);
  expect(pairs.find(({ text }) => text.startsWith('dog, domestic dog'))).toEqual({
    text: 'dog, domestic dog, Canis familiaris',
    text_pos: expect.stringMatching(/^a member of the genus Canis \(probably descended from the common wolf\)/),
  });
});
