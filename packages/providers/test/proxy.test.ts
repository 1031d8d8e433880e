/** Proxies: which addresses go through one, and that requests do, by a loopback proxy that tunnels CONNECT. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { inspect } from 'node:util';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { openaiProvider } from '../src/index.ts';
import { proxyFor } from '../src/proxy.ts';
import { KEYS, Loopback, vectorOf } from './loopback.ts';

test.each([
  [{ HTTPS_PROXY: 'http://p' }, 'https://a.com/', 'http://p'],
  [{ https_proxy: 'http://p' }, 'https://a.com/', 'http://p'],
  [{ HTTPS_PROXY: 'http://p' }, 'http://a.com/', undefined],
  [{ HTTP_PROXY: 'http://p' }, 'http://a.com/', 'http://p'],
  [{ ALL_PROXY: 'http://p' }, 'https://a.com/', 'http://p'],
  [{ HTTPS_PROXY: 'http://p', NO_PROXY: '*' }, 'https://a.com/', undefined],
  [{ HTTPS_PROXY: 'http://p', NO_PROXY: 'b.com, a.com' }, 'https://a.com/', undefined],
  [{ HTTPS_PROXY: 'http://p', NO_PROXY: '.a.com' }, 'https://x.a.com/', undefined],
  [{ HTTPS_PROXY: 'http://p', no_proxy: 'a.com' }, 'https://x.a.com/', undefined],
  [{ HTTPS_PROXY: 'http://p', NO_PROXY: 'a.com' }, 'https://aa.com/', 'http://p'],
  [{ HTTPS_PROXY: 'http://p', NO_PROXY: 'a.com:8443' }, 'https://a.com/', 'http://p'],
  [{ HTTPS_PROXY: 'http://p', NO_PROXY: 'a.com:443' }, 'https://a.com/', undefined],
  [{ HTTP_PROXY: 'http://p', NO_PROXY: '[::1]:80' }, 'http://[::1]/', undefined],
  [{}, 'https://a.com/', undefined],
])('%j: %s goes by %s', (env: Record<string, string>, url, proxy) => {
  expect(proxyFor(new URL(url), env)).toBe(proxy);
});

describe('a proxy', () => {
  const tunnels: { to: string; authorization: string | undefined }[] = [];
  const proxy = createServer().on('connect', (request, client) => {
    tunnels.push({ to: request.url as string, authorization: request.headers['proxy-authorization'] });
    const [host = '', port] = (request.url as string).split(':');
    if (host !== '127.0.0.1') {
      client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      return;
    }
    const upstream = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.pipe(client).pipe(upstream);
    });
    for (const socket of [upstream, client])
      socket.on('error', () => {
        upstream.destroy();
        client.destroy();
      });
  });
  let server: Loopback;
  const address = (login = '') => `http://${login}127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const open = (environment: Record<string, string>, baseUrl = `${server.origin}/v1`) =>
    openaiProvider('m', { apiKey: KEYS.OPENAI_API_KEY, baseUrl, environment, maxRetries: 0 });

  beforeAll(async () => {
    server = await Loopback.start();
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
  });
  afterAll(async () => {
    proxy.close();
    await server.close();
  });
  beforeEach(() => {
    tunnels.length = 0;
  });

  test('carries the requests, and leaves out what NO_PROXY names', async () => {
    expect((await open({ HTTP_PROXY: address() }).embed(['a'])).embeddings).toEqual([vectorOf('a')]);
    expect(tunnels).toEqual([{ to: new URL(server.origin).host, authorization: undefined }]);
    await open({ HTTP_PROXY: address(), NO_PROXY: '127.0.0.1' }).embed(['a']);
    expect(tunnels).toHaveLength(1);
  });

  test('is asked for https too, with its password, which no error shows', async () => {
    const environment = { HTTPS_PROXY: address('me:proxy-p%40ss@') };
    const error = await open(environment, 'https://api.openai.com/v1')
      .embed(['a'])
      .catch((cause: Error) => cause);
    expect(tunnels).toEqual([
      { to: 'api.openai.com:443', authorization: `Basic ${Buffer.from('me:proxy-p@ss').toString('base64')}` },
    ]);
    expect((error as Error).message).toMatch(
      /^openai m: .*502.*; text 0 \("a"\)\n {2}fix: check the network, the base URL/,
    );
    expect(inspect(error, { depth: 10 })).not.toMatch(/proxy-p(%40|@)ss/);
  });

  test('that is not an http(s) URL is refused, and not shown', async () => {
    const environment = { HTTP_PROXY: 'socks5://me:proxy-pass@127.0.0.1' };
    await expect(open(environment).embed(['a'])).rejects.toThrow(
      `proxy for ${new URL(server.origin).host}: is not an http(s) URL\n  fix: set HTTPS_PROXY to http://host:port`,
    );
  });
});
