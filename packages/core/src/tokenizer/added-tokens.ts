/** Finds added tokens in a text before anything else is done with it. Source: Python's tokenizers, added_vocabulary.rs. */

import type { AddedToken } from './new-token.ts';
import { trimEnd, trimStart } from './normalizer.ts';

/** A part of a text, and whether the text begins with it; of an added token, the token's content. */
export interface Section {
  text: string;
  first: boolean;
  token?: string;
}

interface Node {
  next: Map<string, Node>;
  token?: AddedToken;
}

const WORD_BEFORE = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200c\u200d]$/u;
const WORD_BEHIND = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200c\u200d]/u;

export class AddedTokens {
  readonly #root: Node = { next: new Map() };

  /** @param tokens By the text that they are found by. */
  constructor(tokens: Iterable<readonly [text: string, token: AddedToken]>) {
    for (const [text, token] of tokens) {
      if (text === '') continue;
      let node = this.#root;
      for (const unit of text.split('')) {
        let next = node.next.get(unit);
        if (!next) {
          next = { next: new Map() };
          node.next.set(unit, next);
        }
        node = next;
      }
      node.token ??= token;
    }
  }

  /** The text's sections, the longest token at every place. */
  cut({ text, first }: Section): Section[] {
    if (text === '') return [];
    if (this.#root.next.size === 0) return [{ text, first }];
    const sections: Section[] = [];
    let done = 0;
    const push = (from: number, to: number, token?: string) => {
      if (to > from) sections.push({ text: text.slice(from, to), first: first && from === 0, ...(token && { token }) });
    };
    for (let at = 0; at < text.length; ) {
      const found = this.#longest(text, at);
      if (!found) {
        at++;
        continue;
      }
      const { token, length } = found;
      let start = at;
      at += length;
      let end = at;
      if (token.single_word && !standsAlone(text, start, end)) continue;
      if (token.lstrip) start = Math.max(done, done + trimEnd(text.slice(done, start)).length);
      if (token.rstrip) end = text.length - trimStart(text.slice(end)).length;
      push(done, start);
      push(start, end, token.content);
      done = end;
      at = Math.max(at, end);
    }
    push(done, text.length);
    return sections;
  }

  #longest(text: string, start: number): { token: AddedToken; length: number } | undefined {
    let found: { token: AddedToken; length: number } | undefined;
    let node: Node | undefined = this.#root;
    for (let at = start; ; at++) {
      node = node.next.get(text[at] as string);
      if (!node) return found;
      if (node.token) found = { token: node.token, length: at + 1 - start };
    }
  }
}

function standsAlone(text: string, start: number, end: number): boolean {
  return !WORD_BEFORE.test(text.slice(Math.max(0, start - 2), start)) && !WORD_BEHIND.test(text.slice(end, end + 2));
}
