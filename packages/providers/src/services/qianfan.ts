/** Baidu Qianfan's embeddings: the v2 API by an API key; v1 by an access token or an IAM signature. */

import { addressOf, type Environment, keyOf } from '../environment.ts';
import { type Failure, ProviderError } from '../errors.ts';
import { type ClientOptions, HostedProvider } from '../hosted-provider.ts';
import { failureOf, isObject, kindOfStatus, readEmbeddingList, requireSuccess } from '../replies.ts';
import type { Answer, HttpReply, Limits, Service } from '../service.ts';
import { bceHeaders } from '../signatures/bce-auth.ts';
import { accessTokens } from './qianfan-token.ts';

export interface QianfanOptions extends ClientOptions {
  /** Of the v2 API (bce-v3/ALTAK-…); QIANFAN_API_KEY if left out. */
  apiKey?: string | undefined;
  /** Of IAM; QIANFAN_ACCESS_KEY and QIANFAN_SECRET_KEY if left out. */
  accessKey?: string | undefined;
  secretKey?: string | undefined;
  /** API key and secret of an application, for v1's access token; QIANFAN_AK and QIANFAN_SK if left out. */
  ak?: string | undefined;
  sk?: string | undefined;
  /** Of the API in use; Baidu's own if left out. */
  baseUrl?: string | undefined;
  /** Told what is worth a note, as a misspelt variable. */
  onNote?: ((note: string) => void) | undefined;
}

interface Model {
  /** Its place in v1's paths. */
  path: string;
  limits: Limits;
}

const MODELS: Readonly<Record<string, Model>> = {
  'embedding-v1': { path: 'embedding-v1', limits: { texts: 16, characters: 1000, refusesEmpty: true } },
  'bge-large-zh': { path: 'bge_large_zh', limits: { texts: 16, characters: 2000, refusesEmpty: true } },
  'bge-large-en': { path: 'bge_large_en', limits: { texts: 16, characters: 2000, refusesEmpty: true } },
  'tao-8k': { path: 'tao_8k', limits: { texts: 1, characters: 28_000, refusesEmpty: true } },
};

/** The first way of these that has its keys: API key (v2), IAM access key (v1), AK and SK (v1). */
export function qianfanProvider(model: string, options: QianfanOptions = {}): HostedProvider {
  const env = options.environment ?? process.env;
  const apiKey = keyOf(options.apiKey, env, 'QIANFAN_API_KEY');
  const service = apiKey === undefined ? v1(model, options, env) : v2(model, options, apiKey);
  return new HostedProvider(service, options);
}

function v2(model: string, options: QianfanOptions, key: string): Service {
  const base = addressOf(options.baseUrl ?? 'https://qianfan.baidubce.com/v2', '--base-url');
  return {
    name: 'qianfan',
    model,
    limits: MODELS[model.toLowerCase()]?.limits ?? { texts: 16, refusesEmpty: true },
    secrets: () => [key],
    async request(texts) {
      return {
        url: `${base}/embeddings`,
        headers: { Authorization: `Bearer ${key}` },
        body: JSON.stringify({ model: model.toLowerCase(), input: texts }),
      };
    },
    read: (reply, count) => readEmbeddingList(requireSuccess(reply, kindOfV2), count),
  };
}

function kindOfV2(code: string, status: number): Failure['kind'] {
  if (/rate_limit/.test(code)) return 'rate';
  if (/quota|overdue|arrears/.test(code)) return 'quota';
  if (/model/.test(code)) return 'options';
  return kindOfStatus(status);
}

function v1(model: string, options: QianfanOptions, env: Environment): Service {
  const known = MODELS[model.toLowerCase()];
  if (!known) {
    const fix = `use one of ${Object.keys(MODELS).join(', ')}, or set QIANFAN_API_KEY for the v2 API`;
    throw new ProviderError('options', 'the v1 API has no such model', `qianfan ${model}`, fix);
  }
  const base = addressOf(options.baseUrl ?? 'https://aip.baidubce.com', '--base-url');
  const url = `${base}/rpc/2.0/ai_custom/v1/wenxinworkshop/embeddings/${known.path}`;
  const common = { name: 'qianfan', model, limits: known.limits, read: readV1 };
  const bodyOf = (texts: readonly string[]) => JSON.stringify({ input: texts });

  const accessKey = keyOf(options.accessKey, env, 'QIANFAN_ACCESS_KEY');
  const secretKey = keyOf(options.secretKey, env, 'QIANFAN_SECRET_KEY');
  if (accessKey !== undefined && secretKey !== undefined) {
    return {
      ...common,
      secrets: () => [secretKey, accessKey],
      async request(texts) {
        const headers = { 'content-type': 'application/json' };
        const body = bodyOf(texts);
        return { url, headers: bceHeaders({ accessKey, secretKey }, new URL(url), headers, Date.now()), body };
      },
    };
  }

  const ak = keyOf(options.ak, env, 'QIANFAN_AK', 'QIANFN_AK');
  const sk = keyOf(options.sk, env, 'QIANFAN_SK');
  if (ak === undefined || sk === undefined) {
    const fix = 'set QIANFAN_API_KEY (v2), or QIANFAN_AK and QIANFAN_SK, or QIANFAN_ACCESS_KEY and QIANFAN_SECRET_KEY';
    throw new ProviderError('auth', 'no keys are set', `qianfan ${model}`, fix);
  }
  if (options.ak === undefined && !env.QIANFAN_AK) options.onNote?.('QIANFN_AK is read as QIANFAN_AK');
  const tokens = accessTokens(base, ak, sk);
  return {
    ...common,
    secrets: () => [ak, sk, ...tokens.issued],
    async request(texts, _, send) {
      const token = await tokens.current(send);
      return { url: `${url}?${new URLSearchParams({ access_token: token })}`, headers: {}, body: bodyOf(texts), token };
    },
    renew: (token) => tokens.forget(token),
  };
}

/** v1's codes, which come with HTTP 200. */
const KINDS: Readonly<Record<string, Failure['kind']>> = {
  2: 'unavailable',
  4: 'rate',
  6: 'auth',
  17: 'quota',
  18: 'rate',
  19: 'quota',
  100: 'auth',
  110: 'expired',
  111: 'expired',
  336000: 'unavailable',
  336100: 'unavailable',
};

function readV1(reply: HttpReply, count: number): Answer {
  const { body } = reply;
  if (isObject(body) && body.error_code !== undefined) {
    const code = String(body.error_code);
    const kind = KINDS[code] ?? (/^336/.test(code) ? 'input' : 'response');
    throw failureOf(reply, `${body.error_msg} [${code}]`, kind);
  }
  return readEmbeddingList(requireSuccess(reply), count);
}
