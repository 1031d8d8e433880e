/** One HTTP request with a time-out, by way of a proxy where there is one. */

import type { Environment } from './environment.ts';
import { Failure, ProviderError } from './errors.ts';
import { fetchFor } from './proxy.ts';
import type { HttpReply, HttpRequest } from './service.ts';

export interface HttpOptions {
  environment: Environment;
  /** From the first byte sent to the last one received, in ms. */
  timeout: number;
  signal: AbortSignal;
}

/**
 * Redirects are not followed: a key would go along.
 *
 * @throws Failure where no whole answer comes; what the signal says where it gave up.
 */
export async function post(request: HttpRequest, options: HttpOptions): Promise<HttpReply> {
  const { url, headers, body } = request;
  const { environment, timeout, signal } = options;
  // AbortSignal.any over AbortSignal.timeout may be collected before it fires: held here by hand.
  const controller = new AbortController();
  const giveUp = () => controller.abort();
  signal.addEventListener('abort', giveUp);
  const timer = setTimeout(giveUp, timeout);
  try {
    signal.throwIfAborted();
    const fetch = await fetchFor(new URL(url), environment);
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
      redirect: 'manual',
      signal: controller.signal,
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parsed(text) };
  } catch (error) {
    if (error instanceof ProviderError) throw error;
    if (signal.aborted) throw signal.reason;
    if (controller.signal.aborted) throw new Failure('network', `timed out after ${timeout / 1000} s`);
    throw new Failure('network', reasonOf(error));
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** fetch says "fetch failed", its causes what was wrong. */
function reasonOf(error: unknown): string {
  const words: string[] = [];
  for (let cause: unknown = error; cause instanceof Error && words.length < 4; cause = cause.cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const text = [cause.message, code !== undefined && !cause.message.includes(code) ? `(${code})` : '']
      .filter((part) => part !== '')
      .join(' ');
    if (text !== '') words.push(text);
  }
  return words.join(': ') || 'no connection';
}
