/** Every hosted service against the loopback one: keys and signatures, order, errors, retries, what a user sees. */

import { getEventListeners } from 'node:events';
import { inspect } from 'node:util';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { type ClientOptions, type EmbeddingProvider, ProviderError } from '../src/index.ts';
import { compatibleProvider, openaiProvider } from '../src/services/openai.ts';
import { qianfanProvider } from '../src/services/qianfan.ts';
import { sparkProvider } from '../src/services/spark.ts';
import { zhipuProvider } from '../src/services/zhipu.ts';
import { KEYS, Loopback, vectorOf } from './loopback.ts';

let server: Loopback;
beforeAll(async () => {
  server = await Loopback.start();
});
afterAll(() => server.close());
beforeEach(() => {
  server.received.length = 0;
  server.faults.length = 0;
  server.answered.length = 0;
  server.delay = 0;
  server.busiest = 0;
});

/** Only the named keys are set: which way of Qianfan is taken depends on them. */
const only = (...names: (keyof typeof KEYS)[]) => Object.fromEntries(names.map((name) => [name, KEYS[name]]));
const quick = { retryDelay: 1, maxRetries: 2, requestsPerSecond: 1000 };
const SPARK = ['IFLYTEK_SPARK_APP_ID', 'IFLYTEK_SPARK_API_KEY', 'IFLYTEK_SPARK_API_SECRET'] as const;

interface Hosted {
  name: string;
  where: string;
  /** Texts a request. */
  most: number;
  open(options?: ClientOptions): EmbeddingProvider;
}

const environmentOf = (...names: (keyof typeof KEYS)[]) => ({ ...quick, environment: only(...names) });

const HOSTED: Hosted[] = [
  {
    name: 'openai',
    where: 'openai text-embedding-3-small',
    most: 2048,
    open: (options) =>
      openaiProvider('text-embedding-3-small', {
        ...environmentOf('OPENAI_API_KEY'),
        baseUrl: `${server.origin}/v1`,
        ...options,
      }),
  },
  {
    name: 'compatible',
    where: 'compatible bge-m3',
    most: 32,
    open: (options) =>
      compatibleProvider('bge-m3', {
        ...environmentOf('EMBEDDINGS_API_KEY'),
        baseUrl: `${server.origin}/v1/`,
        ...options,
      }),
  },
  ...(['key', 'jwt'] as const).map((auth) => ({
    name: `zhipu by ${auth}`,
    where: 'zhipu embedding-3',
    most: 64,
    open: (options?: ClientOptions) =>
      zhipuProvider('embedding-3', {
        ...environmentOf('ZHIPUAI_API_KEY'),
        baseUrl: `${server.origin}/zhipu`,
        auth,
        ...options,
      }),
  })),
  {
    name: 'qianfan v2',
    where: 'qianfan bge-large-zh',
    most: 16,
    open: (options) =>
      qianfanProvider('bge-large-zh', {
        ...environmentOf('QIANFAN_API_KEY'),
        baseUrl: `${server.origin}/v2`,
        ...options,
      }),
  },
  {
    name: 'qianfan v1 by access token',
    where: 'qianfan Embedding-V1',
    most: 16,
    open: (options) =>
      qianfanProvider('Embedding-V1', {
        ...environmentOf('QIANFAN_AK', 'QIANFAN_SK'),
        baseUrl: server.origin,
        ...options,
      }),
  },
  {
    name: 'qianfan v1 by IAM signature',
    where: 'qianfan bge-large-zh',
    most: 16,
    open: (options) =>
      qianfanProvider('bge-large-zh', {
        ...environmentOf('QIANFAN_ACCESS_KEY', 'QIANFAN_SECRET_KEY'),
        baseUrl: server.origin,
        ...options,
      }),
  },
  {
    name: 'spark',
    where: 'spark spark-embedding',
    most: 1,
    open: (options) => sparkProvider(undefined, { ...environmentOf(...SPARK), baseUrl: server.origin, ...options }),
  },
];

const texts = (count: number) => Array.from({ length: count }, (_, i) => `文本 ${i}`);

/** The error of a promise. */
async function errorOf(promise: Promise<unknown>): Promise<ProviderError> {
  const error = await promise.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(ProviderError);
  requireNoKeys(error);
  return error as ProviderError;
}

/** In no way that a key could be written, also in causes and in what util.inspect shows. */
function requireNoKeys(value: unknown): void {
  const shown = `${inspect(value, { depth: 10, showHidden: true })}${JSON.stringify(value)}${(value as Error).stack}`;
  for (const key of [...Object.values(KEYS), '24.access-token', 'zhipu-secret-0003']) {
    for (const form of [key, encodeURIComponent(key), Buffer.from(key).toString('base64')]) {
      expect(shown).not.toContain(form);
    }
  }
}

describe.each(HOSTED)('$name', ({ open, most, where }) => {
  test('gives each text its own vector, in order, over several requests at once', async () => {
    const all = texts(Math.min(2 * most + 3, 70));
    const { embeddings, usage } = await open({ batchSize: Math.min(most, 16) }).embed(all);
    expect(embeddings).toEqual(all.map((text) => vectorOf(text)));
    expect(usage.requests).toBe(Math.ceil(all.length / Math.min(most, 16)));
    const sent = server.received.flatMap((request) => request.texts);
    expect(sent.sort()).toEqual(all.sort());
    if (where.startsWith('spark')) expect(usage.tokens).toBeUndefined();
    else expect(usage.tokens).toBe(all.join('').length);
  });

  test('asks again after a rate limit, not before Retry-After', async () => {
    server.faults.push({
      status: 429,
      body: { error: { message: 'slow down', code: '1302' } },
      headers: { 'Retry-After': '0.2' },
    });
    const begin = performance.now();
    const { embeddings } = await open().embed(['a']);
    expect(performance.now() - begin).toBeGreaterThan(195);
    expect(embeddings).toEqual([vectorOf('a')]);
    expect(server.received).toHaveLength(2);
  });

  test.each([
    ['a reset', 'reset', /ECONNRESET/],
    ['a cut answer', 'cut', /the response is not a JSON object/],
    ['an answer that does not come', 'hang', /timed out after 0.05 s/],
    ['a server that is down', { status: 503, body: 'upstream' }, /upstream \(HTTP 503\)/],
  ] as const)('asks again after %s, and gives up after three tries', async (_, fault, message) => {
    const within = (timeout: number) => open({ timeout: fault === 'hang' ? timeout : 60_000 });
    server.faults.push(fault);
    expect((await within(500).embed(['a'])).embeddings).toEqual([vectorOf('a')]); // leaves a slow machine its time
    server.faults.push(fault, fault, fault);
    const error = await errorOf(within(50).embed(['a']));
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/, after 3 tries; text 0 \("a"\)\n {2}fix: /);
    expect(['unavailable', 'network']).toContain(error.kind);
  });

  test('names the one text that is refused, and keeps the others', async () => {
    const all = ['good', 'better', 'the poison', 'best'];
    const kept: number[] = [];
    const error = await errorOf(
      open({ concurrency: 1 }).embed(all, { onBatch: ({ indices }) => kept.push(...indices) }),
    );
    expect(error.kind).toBe('input');
    expect(error.message).toMatch(/^[^:]+: .*; text 2 \("the poison"\)\n {2}fix: correct or remove the text$/);
    expect(error.where).toBe(where);
    expect(kept).toEqual(expect.arrayContaining([0, 1]));
  });

  test('shows no key', async () => {
    const provider = open();
    await provider.embed(['a']);
    requireNoKeys(provider);
  });

  test('stops at the signal, without a further request', async () => {
    server.delay = 200;
    const abort = new AbortController();
    const run = open({ concurrency: 2, batchSize: 1 }).embed(texts(6), { signal: abort.signal });
    setTimeout(() => abort.abort(new Error('enough')), 100);
    await expect(run).rejects.toThrow('enough');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(server.received.length).toBeLessThanOrEqual(2);
  });
});

const LISTS = HOSTED.filter(({ name }) => name !== 'spark');

describe.each(LISTS)('$name', ({ open, where }) => {
  test('puts vectors of another order where their index says', async () => {
    server.faults.push({ change: (data) => data.reverse() });
    expect((await open().embed(['a', 'b', 'c'])).embeddings).toEqual(['a', 'b', 'c'].map((text) => vectorOf(text)));
  });

  test.each([
    ['too few vectors', (data: unknown[]) => data.slice(1), 'received 1 vectors for 2 texts'],
    ['too many vectors', (data: unknown[]) => [...data, data[0]], 'received 3 vectors for 2 texts'],
    ['one index twice', (data: unknown[]) => [data[0], data[0]], 'two vectors have the index 0'],
    ['no index', () => [{ embedding: [1] }, { embedding: [1] }], 'a vector has the index missing, of 2 texts'],
    ['no vector', () => [0, 1].map((index) => ({ index })), 'a vector is missing'],
    ['null', () => [0, 1].map((index) => ({ index, embedding: [1, null] })), 'a vector contains null'],
    ['NaN', () => [0, 1].map((index) => ({ index, embedding: 'AADAfw==' })), 'a vector contains NaN'],
    ['base64 of no floats', () => [0, 1].map((index) => ({ index, embedding: 'AAD' })), 'a vector is "AAD"'],
    ['zeros', () => [0, 1].map((index) => ({ index, embedding: [0, 0] })), 'a vector is all zeros'],
    [
      'other lengths',
      () => [0, 1].map((index) => ({ index, embedding: [1, 2].slice(index) })),
      'a vector has 1 values, where 2 are expected',
    ],
  ])('refuses %s', async (_, change, message) => {
    server.faults.push({ change });
    const error = await errorOf(open().embed(['a', 'b']));
    expect(error.message).toContain(`${where}: ${message}; texts 0 to 1\n  fix: check that the base URL`);
    expect(error.kind).toBe('response');
    expect(server.received).toHaveLength(1);
  });
});

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

describe('zhipu', () => {
  const open = (model: string, auth: 'key' | 'jwt' = 'jwt') =>
    zhipuProvider(model, { ...environmentOf('ZHIPUAI_API_KEY'), baseUrl: `${server.origin}/zhipu`, auth });

  test('an expired token is made anew, once', async () => {
    server.faults.push('expired');
    expect((await open('embedding-3').embed(['a'])).embeddings).toEqual([vectorOf('a')]);
    expect(server.received).toHaveLength(2);
    server.faults.push('expired', 'expired');
    expect((await errorOf(open('embedding-3').embed(['a']))).kind).toBe('auth');
  });

  test.each([
    ['1302', 429, 'rate', 3],
    ['1113', 429, 'quota', 1],
    ['1211', 400, 'options', 1],
    ['1261', 400, 'input', 1],
    ['1302', 200, 'rate', 3],
  ])('error %s of HTTP %i is of kind %s', async (code, status, kind, requests) => {
    for (let i = 0; i < 3; i++) server.faults.push({ status, body: { error: { code, message: '错误' } } });
    const error = await errorOf(open('embedding-3').embed(['a']));
    expect(error.kind).toBe(kind);
    expect(error.message).toContain(`错误 [${code}] (HTTP ${status})`);
    expect(server.received).toHaveLength(requests);
  });

  test('embedding-3 has four lengths, embedding-2 one; a key that is not id.secret makes no token', async () => {
    expect((await open('embedding-3').embed(['a'], { dimensions: 256 })).embeddings[0]).toHaveLength(256);
    expect((await errorOf(open('embedding-3').embed(['a'], { dimensions: 300 }))).fix).toBe(
      'use one of 256, 512, 1024, 2048',
    );
    expect((await errorOf(open('embedding-2').embed(['a'], { dimensions: 1024 }))).fix).toBe('leave dimensions out');
    expect(() => zhipuProvider('embedding-3', { apiKey: 'noDot', auth: 'jwt' })).toThrow('the key is not id.secret');
  });

  test('embedding-2 takes 8,000 tokens a request, each a character at least', async () => {
    await open('embedding-2', 'key').embed(Array.from({ length: 40 }, (_, i) => `${i % 10}${'字'.repeat(499)}`));
    expect(server.received.map(({ texts: sent }) => sent.length).sort()).toEqual([16, 16, 8]);
  });
});

describe('qianfan', () => {
  const open = (model = 'Embedding-V1', options = {}) =>
    qianfanProvider(model, { ...environmentOf('QIANFAN_AK', 'QIANFAN_SK'), baseUrl: server.origin, ...options });

  test('one token serves all requests, and an expired one is asked for again, once', async () => {
    const provider = open('Embedding-V1', { batchSize: 1 });
    const before = server.tokensIssued;
    await provider.embed(texts(6));
    expect(server.tokensIssued - before).toBe(1);
    server.faults.push('expired');
    expect((await provider.embed(texts(6))).embeddings).toEqual(texts(6).map((text) => vectorOf(text)));
    expect(server.tokensIssued - before).toBe(2);
  });

  test.each([
    [4, 'rate', 3],
    [18, 'rate', 3],
    [17, 'quota', 1],
    [6, 'auth', 1],
    [336_003, 'input', 1],
    [110, 'auth', 2],
  ])('error %i of HTTP 200 is of kind %s', async (error_code, kind, requests) => {
    for (let i = 0; i < 3; i++) server.faults.push({ status: 200, body: { error_code, error_msg: 'no' } });
    const error = await errorOf(open().embed(['a']));
    expect(error.kind).toBe(kind);
    expect(error.message).toContain(`no [${error_code}] (HTTP 200)`);
    expect(server.received).toHaveLength(requests);
  });

  test('wrong keys are told by their names, and the secret is not in the error', async () => {
    const error = await errorOf(open('Embedding-V1', { sk: 'qianfan-sk-0005&x-wrong' }).embed(['a']));
    expect(error.kind).toBe('auth');
    expect(error.message).toContain('no access token: unknown client id *** (HTTP 401)');
  });

  test('texts too long are refused before anything is sent', async () => {
    const error = await errorOf(open().embed(['a', '😀'.repeat(1000), `字${'长'.repeat(1000)}`]));
    expect(error.message).toMatch(
      /^qianfan Embedding-V1: text 2 \("字长{39}"…\) has 1001 characters; the limit is 1000\n {2}fix: shorten the text/,
    );
    expect(server.received).toHaveLength(0);
  });

  test('no keys, an unknown model of v1, and the misspelt variable', () => {
    expect(() => open('m')).toThrow(
      'qianfan m: the v1 API has no such model\n  fix: use one of embedding-v1, bge-large-zh',
    );
    expect(() => open('Embedding-V1', { environment: {} })).toThrow(
      'qianfan Embedding-V1: no keys are set\n  fix: set QIANFAN_API_KEY (v2)',
    );
    const notes: string[] = [];
    open('Embedding-V1', {
      environment: { QIANFN_AK: 'a', QIANFAN_SK: 'b' },
      onNote: (note: string) => notes.push(note),
    });
    expect(notes).toEqual(['QIANFN_AK is read as QIANFAN_AK']);
  });
});

describe('spark', () => {
  const open = (options = {}) =>
    sparkProvider(undefined, { ...environmentOf(...SPARK), baseUrl: server.origin, ...options });

  test('queries and documents go to their domains', async () => {
    for (const inputType of ['query', 'document', undefined] as const) await open().embed(['a'], { inputType });
    expect(server.received.map(({ body }) => (body.parameter as { emb: { domain: string } }).emb.domain)).toEqual([
      'query',
      'para',
      'para',
    ]);
  });

  test.each([
    [11_202, 'rate', 3],
    [11_201, 'quota', 1],
    [10_907, 'input', 1],
    [99_999, 'response', 1],
  ])('code %i is of kind %s', async (code, kind, requests) => {
    for (let i = 0; i < 3; i++) server.faults.push({ status: 200, body: { header: { code, message: 'no' } } });
    const error = await errorOf(open().embed(['a']));
    expect(error.kind).toBe(kind);
    expect(server.received).toHaveLength(requests);
  });

  test('a wrong signature points to the clock', async () => {
    const error = await errorOf(open({ apiSecret: 'spark-secret-0011-wrong' }).embed(['a']));
    expect(error.message).toContain('HMAC signature does not match (a wrong clock here makes signatures invalid)');
  });

  test('two requests a second by default', async () => {
    const begin = performance.now();
    await sparkProvider(undefined, { environment: only(...SPARK), baseUrl: server.origin }).embed(['a', 'b']);
    expect(performance.now() - begin).toBeGreaterThan(490);
    expect(() => sparkProvider(undefined, { environment: {} })).toThrow(
      'IFLYTEK_SPARK_APP_ID and IFLYTEK_SPARK_API_KEY and IFLYTEK_SPARK_API_SECRET are not set',
    );
  });
});
