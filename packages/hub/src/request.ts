/** Requests to the hub: with the token, and again after what may pass. */

import { setTimeout as wait } from 'node:timers/promises';

import { HubError } from './errors.ts';
import type { HubSettings } from './settings.ts';

/** Requests for one thing, all told. */
export const ATTEMPTS = 5;
/** A hub that asks for more patience than this is left, in seconds. */
const LONGEST_WAIT = 120;
/** How long an answer's first byte may take, in seconds. */
const PATIENCE_S = 30;
const MAY_PASS = new Set([408, 425, 429, 500, 502, 503, 504]);

/** How long to wait before trying again. */
export class Patience {
  readonly #delay: number;
  readonly #attempts: number;
  #failures = 0;

  constructor(delay: number, attempts = ATTEMPTS) {
    this.#delay = delay;
    this.#attempts = attempts;
  }

  /** Progress was made: failures before it do not count. */
  renew(): void {
    this.#failures = 0;
  }

  /** @returns Whether to try again; false where that was done often enough. */
  async after(retryAfter?: string | null): Promise<boolean> {
    this.#failures += 1;
    if (this.#failures >= this.#attempts) return false;
    const asked = secondsOf(retryAfter);
    if (asked !== undefined && asked > LONGEST_WAIT) return false;
    await wait(asked !== undefined ? asked * 1000 : this.#delay * 2 ** (this.#failures - 1));
    return true;
  }
}

/** Retry-After is seconds or a date. */
function secondsOf(header: string | null | undefined): number | undefined {
  if (!header) return undefined;
  const seconds = /^\d+(\.\d+)?$/.test(header.trim()) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}

/**
 * The answer, whatever its status, after as many tries as make sense. The token goes to the hub alone.
 *
 * @param attempts 1 for what must not be done twice: it is tried again only where the hub says that it asks for patience.
 * @throws HubError where no answer comes.
 */
export async function request(
  settings: HubSettings,
  url: string,
  init: RequestInit = {},
  attempts = ATTEMPTS,
): Promise<Response> {
  if (settings.offline) throw new HubError('not asked: offline', url, 'unset HF_HUB_OFFLINE, or load what is cached');
  const patience = new Patience(settings.retryDelay, attempts);
  const waits = new Patience(settings.retryDelay);
  const headers = new Headers(init.headers);
  // fetch leaves the token out where a redirect leads to another host
  if (settings.token && new URL(url).origin === new URL(settings.endpoint).origin)
    headers.set('Authorization', `Bearer ${settings.token}`);
  for (;;) {
    let response: Response;
    const silence = new AbortController();
    // An upload may take as long as it does, and is answered at its end.
    const limit = init.body ? undefined : PATIENCE_S * 1000;
    const timer = limit && setTimeout(() => silence.abort(new Error(`no answer in ${PATIENCE_S} s`)), limit);
    const signal = init.signal ? AbortSignal.any([init.signal, silence.signal]) : silence.signal;
    try {
      response = await fetch(url, { ...init, headers, signal });
    } catch (cause) {
      if (!init.signal?.aborted && (await patience.after())) continue;
      throw unreachable(url, cause, attempts);
    } finally {
      clearTimeout(timer); // the body may take as long as it does
    }
    if (!MAY_PASS.has(response.status)) return response;
    const retryAfter = response.headers.get('Retry-After');
    const refused = response.status === 429; // nothing was done
    if (!(await (refused ? waits : patience).after(retryAfter))) return response;
    await response.body?.cancel();
  }
}

export function unreachable(where: string, cause: unknown, attempts = ATTEMPTS): HubError {
  const { message, cause: reason } = cause as Error;
  const words = reason instanceof Error ? `${message}: ${reason.message}` : message;
  return new HubError(`no answer after ${attempts} ${attempts === 1 ? 'try' : 'tries'} (${words})`, where, ANSWERLESS, {
    cause,
  });
}

const ANSWERLESS = 'check the network, or set HF_ENDPOINT to a mirror';

/** What a status means for whoever asked for a file or repository. */
export function statusError(status: number, where: string, options: { token: boolean; missing: string }): HubError {
  const known: Record<number, [string, string]> = {
    401: ['not allowed (401)', options.token ? 'check the token' : 'set HF_TOKEN to a token that may read it'],
    403: ['not allowed (403)', 'ask for access on its page, and set HF_TOKEN to a token that may read it'],
    404: ['not found (404)', options.missing],
    429: ['the hub asks for fewer requests (429)', 'wait, or set HF_TOKEN'],
  };
  const [what, fix] = known[status] ?? [`the hub answers ${status}`, 'try again later'];
  return new HubError(what, where, fix, { status });
}
