/** Proxies by the usual environment variables, which Node 20's fetch does not know. */

import type { Environment } from './environment.ts';
import { ProviderError } from './errors.ts';

const named = (env: Environment, name: string) => env[name.toLowerCase()] || env[name] || undefined;

/** The proxy that the environment names for an address; undefined for none. */
export function proxyFor(url: URL, env: Environment): string | undefined {
  const proxy = named(env, url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY') ?? named(env, 'ALL_PROXY');
  return proxy === undefined || isExcepted(url, named(env, 'NO_PROXY') ?? '') ? undefined : proxy;
}

/** NO_PROXY is a list of hosts and domains, each with a port or without; `*` is every one. */
function isExcepted(url: URL, list: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const [, name = entry, only] = /^\[?([^\]]*?)\]?(?::(\d+))?$/.exec(entry) ?? [];
      const domain = name.replace(/^\*?\./, '');
      return (only === undefined || only === port) && (host === domain || host.endsWith(`.${domain}`));
    });
}

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** The parts of a proxy's address that are nobody else's business. */
export function proxySecrets(url: URL, env: Environment): string[] {
  const proxy = proxyFor(url, env);
  if (proxy === undefined || !URL.canParse(proxy)) return [];
  const { username, password } = new URL(proxy);
  return [password, decodeURIComponent(password), Buffer.from(`${username}:${password}`).toString('base64')];
}

/** One fetch a proxy: undici's own, since a dispatcher of one version does not fit the fetch of another. */
const proxied = new Map<string, Promise<Fetch>>();

/** What to fetch an address with; undici is loaded only where there is a proxy. */
export function fetchFor(url: URL, env: Environment): Promise<Fetch> {
  const proxy = proxyFor(url, env);
  if (proxy === undefined) return Promise.resolve(fetch);
  if (!URL.canParse(proxy) || !/^https?:$/.test(new URL(proxy).protocol)) {
    const where = `proxy for ${url.host}`;
    throw new ProviderError('options', 'is not an http(s) URL', where, 'set HTTPS_PROXY to http://host:port');
  }
  let found = proxied.get(proxy);
  if (!found) {
    found = import('undici').then(({ ProxyAgent, fetch: undiciFetch }) => {
      const dispatcher = new ProxyAgent(proxy);
      return ((target, init) => undiciFetch(target, { ...(init as object), dispatcher })) as Fetch;
    });
    proxied.set(proxy, found);
  }
  return found;
}
