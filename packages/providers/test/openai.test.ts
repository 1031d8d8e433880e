/** OpenAI and compatible servers: what is sent, kinds of errors, pace and concurrency. */

import { getEventListeners } from 'node:events';

import { describe, expect, test } from 'vitest';

import { type ClientOptions, compatibleProvider, openaiProvider } from '../src/index.ts';
import { KEYS, vectorOf } from './loopback.ts';
import { errorOf, quick, server, texts } from './services.ts';

describe('openai', () => {
  const open = (options = {}) =>
    openaiProvider('text-embedding-3-large', {
      ...quick,
      apiKey: KEYS.OPENAI_API_KEY,
      baseUrl: `${server.origin}/v1`,
      organization: 'org-1',
      environment: {},
      ...options,
    });

  test('sends model, organization, dimensions and base64', async () => {
    const { embeddings } = await open().embed(['a'], { dimensions: 5, inputType: 'query' });
    expect(embeddings).toEqual([vectorOf('a', 5)]);
    const [{ body, headers }] = server.received as [(typeof server.received)[0]];
    expect(body).toEqual({ model: 'text-embedding-3-large', input: ['a'], encoding_format: 'base64', dimensions: 5 });
    expect(headers['openai-organization']).toBe('org-1');
  });

  test('keeps a request under 300,000 tokens, each a byte at least', async () => {
    await open().embed(Array.from({ length: 10 }, (_, i) => `${i}${'字'.repeat(20_000)}`));
    expect(server.received.map(({ texts: sent }) => sent.length).sort()).toEqual([2, 4, 4]);
  });

  test.each([
    [{ error: { message: 'You exceeded your quota', code: 'insufficient_quota' } }, 429, 'quota', 'top up the account'],
    [{ error: { message: 'no such model', code: 'model_not_found' } }, 404, 'options', 'check the model'],
    [{ error: { message: 'an error of HTTP 200' } }, 200, 'unavailable', 'try again later'],
    ['<html>moved</html>', 301, 'options', 'check the model, the options and the base URL'],
  ])('%j of HTTP %i is of kind %s', async (body, status, kind, fix) => {
    for (let i = 0; i < 3; i++) server.faults.push({ status, body, headers: { Location: `${server.origin}/v1/x` } });
    const error = await errorOf(open().embed(['a', 'b']));
    expect(error.kind).toBe(kind);
    expect(error.fix).toContain(fix);
    expect(server.received).toHaveLength(kind === 'unavailable' ? 3 : 1);
  });

  test('a wrong key that the service repeats is not shown', async () => {
    const error = await errorOf(open({ apiKey: `${KEYS.OPENAI_API_KEY}-wrong` }).embed(['a']));
    expect(error.message).toBe(
      'openai text-embedding-3-large: Incorrect API key provided: Bearer *** [invalid_api_key] (HTTP 401); text 0 ("a")\n' +
        '  fix: check the key and its access to this model',
    );
  });

  test('a service that asks for more patience than two minutes is left', async () => {
    server.faults.push({ status: 429, body: {}, headers: { 'Retry-After': '3600' } });
    expect((await errorOf(open().embed(['a']))).message).toContain('the service asks to wait 3600 s');
  });

  test.each([
    [{ texts: ['a', ''] }, 'text 1 is empty, which the service rejects\n  fix: remove empty texts'],
    [{ texts: ['a'], dimensions: 0 }, 'dimensions is 0\n  fix: give a whole number of 1 or more'],
  ])('refuses %j before anything is sent', async ({ texts: given, ...options }, message) => {
    expect((await errorOf(open().embed(given, options))).message).toBe(`openai text-embedding-3-large: ${message}`);
    expect(server.received).toHaveLength(0);
  });

  test.each([
    [
      { apiKey: '' },
      'openai text-embedding-3-large: OPENAI_API_KEY is not set\n  fix: set OPENAI_API_KEY in the environment or in .env',
    ],
    [
      { apiKey: 'sk-loop\nback' },
      'the key: contains a character that is not allowed in an HTTP header\n  fix: copy the key again',
    ],
    [{ baseUrl: 'ftp://x' }, 'OPENAI_BASE_URL: is not a plain http(s) URL\n  fix: give http:// or https://, a host'],
    [{ baseUrl: 'https://user:sk-loopback@x/v1' }, 'OPENAI_BASE_URL: is not a plain http(s) URL'],
  ])('%j cannot be opened', (options, message) => {
    expect(() => open(options)).toThrow(message);
  });

  test('text-embedding-ada-002 has no dimensions', async () => {
    const ada = openaiProvider('text-embedding-ada-002', { apiKey: KEYS.OPENAI_API_KEY, environment: {} });
    expect((await errorOf(ada.embed(['a'], { dimensions: 5 }))).message).toContain('the model has a fixed size');
  });

  test('a failure stops the requests that have not begun, and waits for those that have', async () => {
    server.delay = 100;
    server.faults.push({ status: 401, body: { error: { message: 'no' } } });
    const kept: number[] = [];
    await errorOf(
      open({ concurrency: 3, batchSize: 1 }).embed(texts(9), { onBatch: ({ indices }) => kept.push(...indices) }),
    );
    expect(server.received).toHaveLength(3);
    expect(kept.sort()).toHaveLength(2);
  });

  test('concurrency bounds the requests at once', async () => {
    server.delay = 100;
    await open({ concurrency: 3, batchSize: 1 }).embed(texts(12));
    expect(server.busiest).toBe(3);
  });

  test('many requests at once leave no listener and no warning', async () => {
    const warnings: string[] = [];
    const onWarning = ({ message }: Error) => warnings.push(message);
    process.on('warning', onWarning);
    const { signal } = new AbortController();
    await open({ concurrency: 40, batchSize: 1 }).embed(texts(80), { signal });
    await new Promise((resolve) => setTimeout(resolve, 10));
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('requestsPerSecond and tokensPerMinute spread requests', async () => {
    const seconds = async (options: ClientOptions) => {
      const begin = performance.now();
      await open({ batchSize: 1, ...options }).embed(['aaaa', 'bbbb', 'cccc', 'dddd', 'eeee']); // a token each
      return (performance.now() - begin) / 1000;
    };
    expect(await seconds({ requestsPerSecond: 20 })).toBeGreaterThan(0.19);
    expect(await seconds({ requestsPerSecond: undefined, tokensPerMinute: 1200 })).toBeGreaterThan(0.19);
  });
});

test('a compatible server without a key, and its input_type', async () => {
  const open = compatibleProvider('m', {
    ...quick,
    baseUrl: `${server.origin}/v1`,
    environment: { OPENAI_API_KEY: 'sk-x' },
  });
  const error = await errorOf(open.embed(['a'], { inputType: 'query' }));
  expect(error.kind).toBe('auth'); // this one wants a key
  expect(server.received[0]?.headers.authorization).toBeUndefined(); // OpenAI's key goes to OpenAI alone
  expect(server.received[0]?.body.input_type).toBe('query');
});
