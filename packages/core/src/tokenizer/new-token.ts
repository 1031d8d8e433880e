/** A token that is no piece of the vocabulary's own: what it is, and how it is found in a text. */

/** A token that stands before the text is cut into pieces, and how it is found. */
export interface NewToken {
  content: string;
  single_word: boolean;
  lstrip: boolean;
  rstrip: boolean;
  normalized: boolean;
  special: boolean;
}

/** As tokenizer.json has it. */
export interface AddedToken extends NewToken {
  id: number;
}

/** A special token, unless the flags say otherwise. */
export function newToken(content: string, flags: Partial<NewToken> = {}): NewToken {
  const { special = true } = flags;
  return { content, single_word: false, lstrip: false, rstrip: false, normalized: !special, special, ...flags };
}
