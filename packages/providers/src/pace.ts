/** Requests spread over time: so many a second, so many tokens a minute, none while a service asks to wait. */

import { setTimeout as wait } from 'node:timers/promises';

export interface PaceOptions {
  requestsPerSecond?: number | undefined;
  tokensPerMinute?: number | undefined;
}

export class Pace {
  readonly #options: PaceOptions;
  /** When the next request may start, in ms of performance.now(). */
  #next = 0;

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /** Waits for its turn and takes it: the next one comes as much later as this request weighs. */
  async turn(tokens: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      const now = performance.now();
      const due = this.#next;
      if (due <= now) {
        const { requestsPerSecond, tokensPerMinute } = this.#options;
        const byCount = requestsPerSecond === undefined ? 0 : 1000 / requestsPerSecond;
        const byTokens = tokensPerMinute === undefined ? 0 : (60_000 * tokens) / tokensPerMinute;
        this.#next = now + Math.max(byCount, byTokens);
        return;
      }
      await wait(due - now, undefined, { signal });
    }
  }

  /** No request starts for so long: what a service that is asked too often says. */
  pause(ms: number): void {
    this.#next = Math.max(this.#next, performance.now() + ms);
  }
}

/** A guess at a text's tokens, for the pace alone: four ASCII characters are one, every other character is one. */
export function approximateTokens(text: string): number {
  let ascii = 0;
  let other = 0;
  for (const character of text) {
    if ((character.codePointAt(0) as number) < 128) ascii += 1;
    else other += 1;
  }
  return Math.ceil(ascii / 4) + other;
}
