/** Zhipu, Qianfan and Spark: tokens that expire, their own error codes, limits and domains. */

import { describe, expect, test } from 'vitest';

import { qianfanProvider, sparkProvider, zhipuProvider } from '../src/index.ts';
import { vectorOf } from './loopback.ts';
import { environmentOf, errorOf, only, SPARK, server, texts } from './services.ts';

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
