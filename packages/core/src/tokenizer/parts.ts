/** What tokenizer.json is put together from, and the files that it is read from where there is none. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { ModelError } from '../errors.ts';
import { readText } from '../formats/files.ts';
import { type NewToken, newToken } from './new-token.ts';
import { addTokens, readSpecialTokens, type TokenName } from './special-tokens.ts';

export type Json = Record<string, unknown>;

/** A folder without tokenizer.json. */
export interface Source {
  readonly folder: string;
  /** tokenizer_config.json, or nothing. */
  readonly config: Readonly<Json>;
}

/** A special token with its id. */
export type Named = Readonly<{ content: string; id: number }>;

/** The vocabulary by id, or pieces with their scores in the order of their ids, and how a word is cut. */
export type Model = Json & { vocab: Readonly<Record<string, number>> | readonly (readonly [string, number])[] };

/** A tokenizer but for the tokens of the configuration. */
export interface Parts {
  /** @param content The text of a named token, which must be there. */
  model: (content: (name: TokenName) => string) => Model;
  normalizer: Json | null;
  preTokenizer: Json | null;
  decoder: Json;
  /** The named tokens of the class: a text, or how it is found. */
  names: Readonly<Partial<Record<TokenName, string | NewToken>>>;
  /** Tokens beside the named ones. */
  extra?: readonly NewToken[];
  /** @param token The named token, which must be there. */
  postProcessor: (token: (name: TokenName) => Named, find: (name: TokenName) => Named | undefined) => Json;
}

/** tokenizer.json of these parts and the folder's special tokens. */
export function assemble({ folder, config }: Source, parts: Parts): Json {
  const { names, extra } = parts;
  const defaults = Object.fromEntries(
    Object.entries(names).map(([name, token]) => [name, typeof token === 'string' ? newToken(token) : token]),
  );
  const tokens = readSpecialTokens(folder, config, defaults, extra);
  const missing = (name: TokenName) =>
    new ModelError(`${name}_token is missing`, join(folder, 'tokenizer_config.json'), `give ${name}_token`);
  const model = parts.model((name) => {
    const content = tokens.named.get(name)?.content;
    if (content === undefined) throw missing(name);
    return content;
  });
  const vocabulary = new Map(
    Array.isArray(model.vocab) ? model.vocab.map(([piece], id) => [piece, id]) : Object.entries(model.vocab),
  );
  const added = addTokens(vocabulary, tokens.all);
  const find = (name: TokenName): Named | undefined => {
    const content = tokens.named.get(name)?.content;
    return added.find((token) => token.content === content);
  };
  const token = (name: TokenName): Named => {
    const found = find(name);
    if (!found) throw missing(name);
    return found;
  };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: parts.normalizer,
    pre_tokenizer: parts.preTokenizer,
    post_processor: parts.postProcessor(token, find),
    decoder: parts.decoder,
    model,
  };
}

/**
 * A template of tokenizer.json.
 *
 * @param single Special tokens and, as 'A', the text.
 * @param pair The same of two texts, 'A' and 'B', each with its token type.
 */
export function template(
  single: readonly (Named | 'A')[],
  pair: readonly (readonly [Named | 'A' | 'B', number])[],
): Json {
  const item = (part: Named | 'A' | 'B', type_id: number) =>
    typeof part === 'string' ? { Sequence: { id: part, type_id } } : { SpecialToken: { id: part.content, type_id } };
  const used = pair.flatMap(([part]) => (typeof part === 'string' ? [] : [part]));
  return {
    type: 'TemplateProcessing',
    single: single.map((part) => item(part, 0)),
    pair: pair.map(([part, type]) => item(part, type)),
    special_tokens: Object.fromEntries(
      used.map(({ content, id }) => [content, { id: content, ids: [id], tokens: [content] }]),
    ),
  };
}

/** cls A sep, and cls A sep B sep. */
export function bertTemplate(cls: Named, sep: Named): Json {
  return template(
    [cls, 'A', sep],
    [
      [cls, 0],
      ['A', 0],
      [sep, 0],
      ['B', 1],
      [sep, 1],
    ],
  );
}

/** Where the configuration asks for it, bos before and eos behind every text, as decoders have it. */
export function boundsTemplate(config: Readonly<Json>, bos: Named | undefined, eos: Named | undefined): Json {
  const before = bos && config.add_bos_token === true ? [bos] : [];
  const behind = eos && config.add_eos_token === true ? [eos] : [];
  const around = <P extends 'A' | 'B'>(part: P) => [...before, part, ...behind];
  return template(around('A'), [
    ...around('A').map((part) => [part, 0] as const),
    ...around('B').map((part) => [part, 1] as const),
  ]);
}

/** A flag of tokenizer_config.json; null is as good as nothing. */
export function flag(config: Readonly<Json>, name: string, otherwise: boolean): boolean {
  const value = config[name] ?? otherwise;
  return value === true;
}

/** The first of these files that the folder has. */
export function findFile(folder: string, names: readonly string[]): string | undefined {
  return names.map((name) => join(folder, name)).find((path) => existsSync(path));
}

/** Lines of a text file; line feeds alone end one, since U+2028 and the like are tokens of Chinese vocabularies. */
export function readLines(path: string): string[] {
  const lines = readText(path).split(/\r\n|\n|\r/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}
