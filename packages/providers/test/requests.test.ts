/** Requests as the vendors' Python clients send them: fixtures/providers/generate.py. */

import { readFileSync } from 'node:fs';

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { type EmbeddingProvider, openaiProvider, qianfanProvider, sparkProvider, zhipuProvider } from '../src/index.ts';
import { KEYS, Loopback } from './loopback.ts';

const { requests } = JSON.parse(
  readFileSync(new URL('../../../fixtures/providers/expected.json', import.meta.url), 'utf8'),
);
const environment = {};
const TEXTS = ['你好', 'b'];

let server: Loopback;
beforeAll(async () => {
  server = await Loopback.start();
});
afterAll(() => server.close());
beforeEach(() => {
  server.received.length = 0;
});

interface Client {
  name: string;
  provider: () => EmbeddingProvider;
  options?: Parameters<EmbeddingProvider['embed']>[1];
  texts?: string[];
}

const CLIENTS: Client[] = [
  {
    name: 'openai',
    provider: () =>
      openaiProvider('text-embedding-3-small', {
        apiKey: KEYS.OPENAI_API_KEY,
        baseUrl: `${server.origin}/v1`,
        environment,
      }),
    options: { dimensions: 2 },
  },
  {
    name: 'zhipu',
    provider: () =>
      zhipuProvider('embedding-3', { apiKey: KEYS.ZHIPUAI_API_KEY, baseUrl: `${server.origin}/zhipu`, environment }),
    options: { dimensions: 256 },
  },
  {
    name: 'qianfan by access token',
    provider: () =>
      qianfanProvider('embedding-v1', {
        ak: KEYS.QIANFAN_AK,
        sk: KEYS.QIANFAN_SK,
        baseUrl: server.origin,
        environment,
      }),
  },
  {
    name: 'qianfan by IAM signature',
    provider: () =>
      qianfanProvider('embedding-v1', {
        accessKey: KEYS.QIANFAN_ACCESS_KEY,
        secretKey: KEYS.QIANFAN_SECRET_KEY,
        baseUrl: server.origin,
        environment,
      }),
  },
  {
    name: 'spark',
    provider: () =>
      sparkProvider(undefined, {
        appId: KEYS.IFLYTEK_SPARK_APP_ID,
        apiKey: KEYS.IFLYTEK_SPARK_API_KEY,
        apiSecret: KEYS.IFLYTEK_SPARK_API_SECRET,
        baseUrl: server.origin,
        environment,
      }),
    options: { inputType: 'query' },
    texts: TEXTS.slice(0, 1),
  },
];

test.each(CLIENTS)("$name: as the vendor's client asks", async ({ name, provider, options, texts = TEXTS }) => {
  await provider().embed(texts, options);
  const [{ path, query, headers, body }] = server.received as [(typeof server.received)[0]];
  const authorization = headers.authorization?.split(/[ /]/)[0] ?? '';
  expect({ path, query: query.sort(), authorization, body: comparable(body) }).toEqual({
    ...requests[name],
    body: comparable(requests[name].body),
  });
});

/** Without what names the client or the account, and what embeddings have no use for; the text of Spark decoded. */
function comparable({ stream: _, extra_parameters: __, ...body }: Record<string, unknown>): Record<string, unknown> {
  if (!body.payload) return body;
  const { payload } = body as { payload: { messages: { text: string } } };
  const { messages } = JSON.parse(Buffer.from(payload.messages.text, 'base64').toString());
  return { parameter: body.parameter, status: (body.header as { status: number }).status, messages };
}

test('every recorded client is compared', () => {
  expect(Object.keys(requests)).toEqual(CLIENTS.map(({ name }) => name));
});
