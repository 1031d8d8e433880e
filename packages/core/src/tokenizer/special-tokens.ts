/** Special and added tokens of a folder without tokenizer.json, as its configuration files name them. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { ModelError } from '../errors.ts';
import { isObject, readJson } from '../formats/files.ts';
import { type AddedToken, type NewToken, newToken } from './new-token.ts';

type Json = Readonly<Record<string, unknown>>;

/** In the order in which new ones get their ids. */
const NAMES = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'] as const;

export type TokenName = (typeof NAMES)[number];

/** What a folder says of its tokens. */
export interface SpecialTokens {
  named: ReadonlyMap<TokenName, NewToken>;
  /** All of them, the named ones too, in the order in which new ones get their ids; the first of a content counts. */
  all: readonly NewToken[];
}

/**
 * Reads tokenizer_config.json's tokens and, where it has no added_tokens_decoder, those of special_tokens_map.json, which
 * come first, and added_tokens.json. Source: transformers' tokenization_utils_base.py, _from_pretrained.
 *
 * @param config tokenizer_config.json.
 * @param defaults The tokens of the tokenizer's class: the files replace them by name, and null takes one away.
 * @param extra Further ones, as sentencepiece's own.
 * @throws ModelError for a token that is none.
 */
export function readSpecialTokens(
  folder: string,
  config: Json,
  defaults: Readonly<Partial<Record<TokenName, NewToken>>>,
  extra: readonly NewToken[] = [],
): SpecialTokens {
  const configPath = join(folder, 'tokenizer_config.json');
  const mapPath = join(folder, 'special_tokens_map.json');
  const addedPath = join(folder, 'added_tokens.json');
  const decoder = config.added_tokens_decoder;
  const map = decoder === undefined && existsSync(mapPath) ? readJson(mapPath) : {};
  const named = new Map<TokenName, NewToken>();
  for (const name of NAMES) {
    const key = `${name}_token`;
    const given = key in map ? tokenOf(map[key], mapPath, key) : tokenOf(config[key], configPath, key);
    const token = given ?? (key in map || key in config ? undefined : defaults[name]);
    if (token) named.set(name, { ...token, special: true });
  }
  const contents = new Set([...named.values()].map(({ content }) => content));
  const byId = new Map<number, NewToken>();
  if (decoder !== undefined) {
    if (!isObject(decoder)) throw malformed(configPath, 'added_tokens_decoder', decoder);
    for (const [id, value] of Object.entries(decoder)) {
      const token = tokenOf(value, configPath, `added_tokens_decoder's ${id}`);
      if (token) byId.set(Number(id), { ...token, special: token.special || contents.has(token.content) });
    }
  } else if (existsSync(addedPath)) {
    for (const [content, id] of Object.entries(readJson(addedPath))) {
      byId.set(Number(id), newToken(content, { special: contents.has(content) }));
    }
  }
  const added = [...byId].sort(([a], [b]) => a - b).map(([, token]) => token);
  for (const [name, token] of named) {
    named.set(name, added.find(({ content }) => content === token.content) ?? token);
  }
  return {
    named,
    all: [...added, ...named.values(), ...extra, ...listOf(config, configPath), ...listOf(map, mapPath)],
  };
}

/** Gives every token its id: that of the vocabulary, or the next new one. Source: tokenizers' added_vocabulary.rs. */
export function addTokens(
  vocabulary: { get(content: string): number | undefined; size: number },
  tokens: readonly NewToken[],
): AddedToken[] {
  const added = new Map<string, AddedToken>();
  let next = vocabulary.size;
  for (const token of tokens) {
    if (token.content === '' || added.has(token.content)) continue;
    const id = vocabulary.get(token.content) ?? next;
    next = Math.max(next, id + 1);
    added.set(token.content, { id, ...token });
  }
  return [...added.values()].sort((a, b) => a.id - b.id);
}

function listOf(json: Json, path: string): NewToken[] {
  const list = json.extra_special_tokens ?? json.additional_special_tokens ?? [];
  const values = isObject(list) ? Object.values(list) : list;
  if (!Array.isArray(values)) throw malformed(path, 'additional_special_tokens', list);
  return values.flatMap((value) => {
    const token = tokenOf(value, path, 'additional_special_tokens');
    return token ? [{ ...token, special: true }] : [];
  });
}

/** A token as text, or as an object that says how it is found. */
function tokenOf(value: unknown, path: string, name: string): NewToken | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'string') return newToken(value);
  if (!isObject(value) || typeof value.content !== 'string') throw malformed(path, name, value);
  const special = value.special === true;
  const normalized = typeof value.normalized === 'boolean' ? value.normalized : !special;
  const { single_word, lstrip, rstrip } = value;
  return newToken(value.content, {
    single_word: single_word === true,
    lstrip: lstrip === true,
    rstrip: rstrip === true,
    normalized,
    special,
  });
}

function malformed(path: string, name: string, value: unknown): ModelError {
  const fix = 'give a text, or an object with content, as tokenizer_config.json of the original model has it';
  return new ModelError(`${name} is ${JSON.stringify(value)}`, path, fix);
}
