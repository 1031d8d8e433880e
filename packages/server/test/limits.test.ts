/** What stands before the routes: the key, sizes, the bounded queue, time-outs, cancelled requests, the end. */

import { request } from 'node:http';

import { describe, expect, test } from 'vitest';

import { startServer } from '../src/index.ts';
import { post, TINY, withServer } from './serving.ts';

const model = 'model'; // the folder's name
const LONG = 'the cat sat on the mat '.repeat(3);

const metric = async (url: string, name: string) => {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')[1],
  );
};

test('a key is asked for everywhere but at /health, the page and the document', async () => {
  await withServer({ model: [TINY], apiKey: 'secret' }, async ({ url }) => {
    const embed = (authorization?: string) =>
      post(`${url}/v1/embeddings`, { model, input: 'a' }, authorization ? { headers: { authorization } } : {});
    for (const wrong of [undefined, 'Bearer wrong', 'Bearer', 'Basic secret', 'secret', 'Bearer secrets']) {
      const response = await embed(wrong);
      expect(response.status, wrong).toBe(401);
      expect((await response.json()).error).toMatchObject({ code: 'invalid_api_key' });
      expect(response.headers.get('www-authenticate')).toBe('Bearer');
    }
    expect((await embed('Bearer secret')).status).toBe(200);
    const statuses = ['/health', '/', '/openapi.json', '/info', '/metrics', '/v1/models'].map(
      async (path) => (await fetch(`${url}${path}`)).status,
    );
    expect(await Promise.all(statuses)).toEqual([200, 200, 200, 401, 401, 401]);
  });
});

test('bodies past the limit are refused, with their length told before or not', async () => {
  await withServer({ model: [TINY], maxBodyBytes: 1000 }, async ({ url }) => {
    const body = JSON.stringify({ inputs: 'a'.repeat(2000) });
    const told = await fetch(`${url}/embed`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    expect([told.status, await told.json()]).toEqual([
      413,
      { error: 'request body exceeds 1000 bytes: send fewer texts per request', error_type: 'Validation' },
    ]);
    const stream = new Blob([body]).stream();
    const init = { method: 'POST', body: stream, duplex: 'half', headers: { 'content-type': 'application/json' } };
    expect((await fetch(`${url}/embed`, init as RequestInit)).status).toBe(413);
    expect((await post(`${url}/embed`, { inputs: 'a' })).status).toBe(200);
  });
});

test('a full server answers 429 with Retry-After, and works on', async () => {
  await withServer({ model: [TINY], maxConcurrentRequests: 3 }, async ({ url }) => {
    const input = Array.from({ length: 20 }, () => LONG);
    const responses = await Promise.all(
      Array.from({ length: 12 }, () => post(`${url}/v1/embeddings`, { model, input })),
    );
    const refused = responses.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(responses.filter(({ status }) => status === 200)).toHaveLength(12 - refused.length);
    expect(12 - refused.length).toBeGreaterThanOrEqual(3);
    const [first] = refused as [Response];
    expect(Number(first.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect((await first.json()).error).toMatchObject({ type: 'rate_limit_exceeded', code: 'rate_limit_exceeded' });
    expect(await metric(url, 'uniem_rejected_requests_total')).toBe(refused.length);
    expect((await post(`${url}/embed`, { inputs: 'a' })).status).toBe(200);
  });
});

test('a full queue of texts does too', async () => {
  await withServer({ model: [TINY], maxQueueTexts: 100, maxBatchTokens: 32 }, async ({ url }) => {
    const long = post(`${url}/embed`, { inputs: Array.from({ length: 250 }, () => LONG) });
    while ((await metric(url, 'uniem_queue_texts')) <= 100);
    expect((await post(`${url}/embed`, { inputs: 'a' })).status).toBe(429);
    expect((await long).status).toBe(200);
    expect((await post(`${url}/embed`, { inputs: 'a' })).status).toBe(200);
  });
});

test('a request past its time-out is answered 503, and its texts leave the queue', async () => {
  await withServer({ model: [TINY], timeout: 0.3, maxBatchTokens: 32 }, async ({ url }) => {
    const start = performance.now();
    const response = await post(`${url}/v1/embeddings`, { model, input: Array.from({ length: 3000 }, () => LONG) });
    expect(performance.now() - start).toBeLessThan(3000);
    expect(response.status).toBe(503);
    expect((await response.json()).error.message).toContain('request timed out after 0.3 s');
    expect(await metric(url, 'uniem_queue_texts')).toBe(0);
  });
});

test('a body that does not come is not waited for', async () => {
  await withServer({ model: [TINY], timeout: 0.3 }, async ({ url }) => {
    const status = await new Promise((resolve, reject) => {
      const slow = request(`${url}/embed`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': 100 },
      });
      slow.on('response', (response) => resolve(response.statusCode));
      slow.on('error', reject);
      slow.write('{"inputs":');
    });
    expect(status).toBe(503);
  });
});

test('a cancelled request leaves the queue', async () => {
  await withServer({ model: [TINY], maxBatchTokens: 32 }, async ({ url }) => {
    const controller = new AbortController();
    const body = { inputs: Array.from({ length: 5000 }, () => LONG) };
    const cancelled = post(`${url}/embed`, body, { signal: controller.signal }).catch(({ name }) => name);
    while ((await metric(url, 'uniem_queue_texts')) < 1000);
    controller.abort();
    expect(await cancelled).toBe('AbortError');
    const start = performance.now();
    while ((await metric(url, 'uniem_queue_texts')) > 0) expect(performance.now() - start).toBeLessThan(2000);
    expect(await metric(url, 'uniem_requests_total{route="/embed",status="499"}')).toBe(1);
  });
});

test('a closing server answers what has arrived and refuses what comes', async () => {
  const server = await startServer({ model: [TINY], port: 0, backend: 'cpu', maxBatchTokens: 32 });
  const { url } = server;
  const arrived = Array.from({ length: 10 }, () => post(`${url}/embed`, { inputs: Array(20).fill(LONG) }));
  while ((await metric(url, 'uniem_requests_in_progress')) < 10);
  const closed = server.close();
  const late = await post(`${url}/embed`, { inputs: 'a' }).then(
    ({ status }) => status,
    () => 'refused',
  );
  expect(['refused', 503]).toContain(late);
  const answers = await Promise.all(
    (await Promise.all(arrived)).map(async (response) => (await response.json()).length),
  );
  expect(answers).toEqual(Array(10).fill(20));
  await closed;
  await expect(fetch(`${url}/health`)).rejects.toThrow();
});

describe('options that cannot be used', () => {
  const start = (options: object) => startServer({ port: 0, backend: 'cpu', model: [TINY], ...options });

  test('name what is wrong and the fix', async () => {
    await expect(start({ model: [TINY, TINY] })).rejects.toThrow(
      `--model: two models are named model\n  fix: rename one of them: --model NAME=${TINY}`,
    );
    await expect(start({ model: ['/not/there'] })).rejects.toThrow('/not/there: no such model folder');
    await expect(start({ maxBatchTokens: 0 })).rejects.toThrow(/^maxBatchTokens: Too small/);
    await expect(start({ precision: 'bf16' })).rejects.toThrow(
      'engine cpu: has no precision bf16\n  fix: use backend native, or precision fp32',
    );
    await expect(start({ host: '203.0.113.1' })).rejects.toThrow(/203\.0\.113\.1:0: cannot listen/);
  });

  test('a port that is taken is named', async () => {
    await withServer({ model: [TINY] }, async ({ url }) => {
      const port = Number(new URL(url).port);
      await expect(start({ port })).rejects.toThrow(
        /^127\.0\.0\.1:\d+: cannot listen \(.*\)\n {2}fix: choose another --port, or stop the process that uses it$/,
      );
    });
  });
});
