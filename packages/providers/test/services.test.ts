/** Every hosted service against the loopback one: keys and signatures, order, errors, retries, what a user sees. */

import { describe, expect, test } from 'vitest';

import {
  type ClientOptions,
  compatibleProvider,
  type EmbeddingProvider,
  openaiProvider,
  qianfanProvider,
  sparkProvider,
  zhipuProvider,
} from '../src/index.ts';
import { vectorOf } from './loopback.ts';
import { environmentOf, errorOf, requireNoKeys, SPARK, server, texts } from './services.ts';

interface Hosted {
  name: string;
  where: string;
  /** Texts a request. */
  most: number;
  open(options?: ClientOptions): EmbeddingProvider;
}

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
