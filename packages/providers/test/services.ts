/** What the tests of hosted services share: the loopback one, its keys, and what no error may show. */

import { inspect } from 'node:util';

import { afterAll, beforeEach, expect } from 'vitest';

import { ProviderError } from '../src/index.ts';
import { KEYS, Loopback } from './loopback.ts';

export const server = await Loopback.start();
afterAll(() => server.close());
beforeEach(() => {
  server.received.length = 0;
  server.faults.length = 0;
  server.answered.length = 0;
  server.delay = 0;
  server.busiest = 0;
});

/** Only the named keys are set: which way of Qianfan is taken depends on them. */
export const only = (...names: (keyof typeof KEYS)[]) => Object.fromEntries(names.map((name) => [name, KEYS[name]]));
export const quick = { retryDelay: 1, maxRetries: 2, requestsPerSecond: 1000 };
export const SPARK = ['IFLYTEK_SPARK_APP_ID', 'IFLYTEK_SPARK_API_KEY', 'IFLYTEK_SPARK_API_SECRET'] as const;

export const environmentOf = (...names: (keyof typeof KEYS)[]) => ({ ...quick, environment: only(...names) });

export const texts = (count: number) => Array.from({ length: count }, (_, i) => `文本 ${i}`);

/** The error of a promise. */
export async function errorOf(promise: Promise<unknown>): Promise<ProviderError> {
  const error = await promise.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(ProviderError);
  requireNoKeys(error);
  return error as ProviderError;
}

/** In no way that a key could be written, also in causes and in what util.inspect shows. */
export function requireNoKeys(value: unknown): void {
  const shown = `${inspect(value, { depth: 10, showHidden: true })}${JSON.stringify(value)}${(value as Error).stack}`;
  for (const key of [...Object.values(KEYS), '24.access-token', 'zhipu-secret-0003']) {
    for (const form of [key, encodeURIComponent(key), Buffer.from(key).toString('base64')]) {
      expect(shown).not.toContain(form);
    }
  }
}
