/** Zhipu's embeddings: embedding-2 and embedding-3. */

import { addressOf, keyOf, requireKeys } from '../environment.ts';
import { type Failure, ProviderError } from '../errors.ts';
import { type ClientOptions, HostedProvider } from '../hosted-provider.ts';
import { kindOfStatus, readEmbeddingList, requireSuccess } from '../replies.ts';
import type { Limits, Service } from '../service.ts';
import { TOKEN_MS, zhipuToken } from '../signatures/zhipu-token.ts';

export interface ZhipuOptions extends ClientOptions {
  /** `id.secret`; ZHIPUAI_API_KEY if left out. */
  apiKey?: string | undefined;
  baseUrl?: string | undefined;
  /** The key itself as the bearer, or a token of it that holds 210 s, so that the secret stays here. */
  auth?: 'key' | 'jwt' | undefined;
}

/** A token is made anew so long before it ends, in ms. */
const SPARE_MS = 30_000;

/** A character is a token at most. */
const characters = (text: string) => [...text].length;

const MODELS: Readonly<Record<string, { limits: Limits; dimensions?: readonly number[] }>> = {
  'embedding-2': { limits: { texts: 64, total: 8_000, size: characters, refusesEmpty: true } },
  'embedding-3': { limits: { texts: 64, refusesEmpty: true }, dimensions: [256, 512, 1024, 2048] },
};

export function zhipuProvider(model: string, options: ZhipuOptions = {}): HostedProvider {
  const where = `zhipu ${model}`;
  const key = keyOf(options.apiKey, options.environment ?? process.env, 'ZHIPUAI_API_KEY');
  requireKeys(where, { ZHIPUAI_API_KEY: key });
  const base = addressOf(options.baseUrl ?? 'https://open.bigmodel.cn/api/paas/v4', '--base-url');
  const bearer = options.auth === 'jwt' ? tokens(key as string, where) : { current: () => key as string, renew() {} };
  const { limits, dimensions } = MODELS[model.toLowerCase()] ?? { limits: { texts: 64, refusesEmpty: true } };
  const service: Service = {
    name: 'zhipu',
    model,
    limits,
    dimensions: model.toLowerCase() in MODELS ? dimensions : 'any',
    secrets: () => [key as string, ...(key as string).split('.'), bearer.current()],
    async request(texts, { dimensions: values }) {
      const token = bearer.current();
      return {
        url: `${base}/embeddings`,
        headers: { Authorization: `Bearer ${token}` },
        body: JSON.stringify({ model, input: texts, dimensions: values }),
        token,
      };
    },
    read: (reply, count) =>
      readEmbeddingList(
        requireSuccess(reply, (code, status) => kindOf(code, status)),
        count,
      ),
    renew: () => bearer.renew(),
  };
  return new HostedProvider(service, options);
}

/** Tokens of a key, each until shortly before its end. */
function tokens(key: string, where: string) {
  const [id, secret, ...more] = key.split('.');
  if (!id || !secret || more.length > 0) {
    throw new ProviderError('auth', 'the key is not id.secret', where, 'copy the key again, or leave auth out');
  }
  let token = '';
  let until = 0;
  return {
    current(): string {
      if (Date.now() >= until) {
        token = zhipuToken(id, secret, Date.now());
        until = Date.now() + TOKEN_MS - SPARE_MS;
      }
      return token;
    },
    renew(): void {
      until = 0;
    },
  };
}

/** By the codes of the vendor's list; the rest by the status. */
const KINDS: Readonly<Record<string, Failure['kind']>> = {
  1000: 'auth',
  1001: 'auth',
  1002: 'auth',
  1003: 'expired',
  1004: 'auth',
  1113: 'quota',
  1210: 'input',
  1211: 'options',
  1214: 'input',
  1261: 'input',
  1302: 'rate',
  1303: 'rate',
  1304: 'quota',
  1305: 'rate',
  1308: 'quota',
  1310: 'quota',
};

const kindOf = (code: string, status: number): Failure['kind'] => KINDS[code] ?? kindOfStatus(status);
