/** The error of this package, and the failures of single requests that it is made from. */

/** Characters of a part of a message. */
const LONGEST = 500;

/**
 * What went wrong, by what a caller can do: change options or keys, change a text, pay, wait, or report a broken answer.
 */
export type ProviderErrorKind =
  | 'options'
  | 'auth'
  | 'input'
  | 'quota'
  | 'rate'
  | 'unavailable'
  | 'network'
  | 'response';

/** Why embeddings cannot be had. Holds no key: messages are scrubbed before they get here, and no raw cause is kept. */
export class ProviderError extends Error {
  readonly kind: ProviderErrorKind;
  readonly where: string;
  readonly fix: string;

  /**
   * @param what What is wrong, with the value that was received.
   * @param where Provider and model, option or environment variable.
   * @param fix What the reader can do next, as an instruction.
   */
  constructor(kind: ProviderErrorKind, what: string, where: string, fix: string) {
    super(`${where}: ${cut(what)}\n  fix: ${fix}`);
    this.name = 'ProviderError';
    this.kind = kind;
    this.where = where;
    this.fix = fix;
  }
}

/** Why one request failed; `expired` asks for a new access token. */
export class Failure extends Error {
  readonly kind: ProviderErrorKind | 'expired';
  /** What the service asks for before the next request, in ms. */
  readonly retryAfter: number | undefined;

  constructor(kind: ProviderErrorKind | 'expired', message: string, retryAfter?: number) {
    super(message);
    this.kind = kind;
    this.retryAfter = retryAfter;
  }
}

function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
