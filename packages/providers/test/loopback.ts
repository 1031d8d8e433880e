/** The hosted services on a loopback port, by their documentation: keys and signatures are checked, errors played. */

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Made-up keys, of which none may appear in what a user sees. */
export const KEYS = {
  OPENAI_API_KEY: 'sk-loopback+secret/0001',
  EMBEDDINGS_API_KEY: 'compatible-secret-0002',
  ZHIPUAI_API_KEY: 'zhipu-id-0003.zhipu-secret-0003',
  QIANFAN_AK: 'qianfan-ak-0004',
  QIANFAN_SK: 'qianfan-sk-0005&x',
  QIANFAN_ACCESS_KEY: 'ALTAK-access-0006',
  QIANFAN_SECRET_KEY: 'iam-secret-0007',
  QIANFAN_API_KEY: 'bce-v3/ALTAK-0008/secret',
  IFLYTEK_SPARK_APP_ID: 'spark-app-0009',
  IFLYTEK_SPARK_API_KEY: 'spark-key-0010',
  IFLYTEK_SPARK_API_SECRET: 'spark-secret-0011',
} as const;

export interface Received {
  path: string;
  /** Names of the address's parameters. */
  query: string[];
  texts: string[];
  headers: IncomingMessage['headers'];
  body: Record<string, unknown>;
}

/** What happens to the next request for embeddings instead of the plain answer. */
export type Fault =
  | 'reset'
  | 'cut'
  | 'hang'
  | 'expired'
  | { status: number; body: unknown; headers?: Record<string, string> }
  /** Changes the list of vectors that is sent. */
  | { change: (data: { index: number; embedding: unknown }[]) => unknown[] };

const H = 8;

/** float32 [8], by the text alone. */
export function vectorOf(text: string, dimensions = H): Float32Array {
  const digest = createHash('sha256').update(text).digest();
  return Float32Array.from({ length: dimensions }, (_, i) => ((digest[i % 32] as number) - 127.5) / 128);
}

export class Loopback {
  readonly received: Received[] = [];
  readonly faults: Fault[] = [];
  /** Texts of answers that were sent whole. */
  readonly answered: string[] = [];
  /** Requests at work at once, at most. */
  busiest = 0;
  tokensIssued = 0;
  /** A request takes so long, in ms. */
  delay = 0;
  /** No answer is given before this. */
  hold: Promise<void> | undefined;
  readonly #server = createServer((request, response) => {
    this.#busy += 1;
    this.busiest = Math.max(this.busiest, this.#busy);
    void this.#answer(request, response).finally(() => {
      this.#busy -= 1;
    });
  });
  #busy = 0;
  #accessToken = '';

  static async start(): Promise<Loopback> {
    const loopback = new Loopback();
    loopback.#server.listen(0, '127.0.0.1');
    await once(loopback.#server, 'listening');
    return loopback;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    const url = new URL(request.url as string, this.origin);
    const send = (status: number, body: unknown, headers: Record<string, string> = {}) => {
      response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    };
    if (url.pathname === '/oauth/2.0/token') {
      this.#giveToken(url, send);
      return;
    }

    const body = JSON.parse(text) as Record<string, unknown>;
    const route = ROUTES.find(({ path }) => path.test(url.pathname));
    if (!route) return send(404, { error: { message: `no path ${url.pathname}` } });
    const texts = route.texts(body);
    this.received.push({
      path: url.pathname,
      query: [...url.searchParams.keys()],
      texts,
      headers: request.headers,
      body,
    });
    await this.hold;
    if (this.delay > 0) await new Promise((resolve) => setTimeout(resolve, this.delay));

    const fault = this.faults.shift();
    if (fault === 'reset') return void request.socket.resetAndDestroy();
    if (fault === 'hang') return;
    if (fault === 'expired') {
      this.#accessToken = '';
      return send(route.expired.status, route.expired.body);
    }
    if (typeof fault === 'object' && 'status' in fault) return send(fault.status, fault.body, fault.headers);

    const denied = route.denied({ url, request, accessToken: this.#accessToken, body });
    if (denied) return send(denied.status, denied.body);
    const refused = route.refused(texts);
    if (refused) return send(refused.status, refused.body);

    const dimensions = typeof body.dimensions === 'number' ? body.dimensions : H;
    const isBase64 = body.encoding_format === 'base64';
    const data = texts.map((one, index) => {
      const vector = vectorOf(one, dimensions);
      return { index, embedding: isBase64 ? base64(vector) : [...vector] };
    });
    const changed = typeof fault === 'object' ? fault.change(data) : data;
    const answer = route.answer(changed, texts);
    if (fault === 'cut') return send(200, JSON.stringify(answer).slice(0, 60));
    response.on('finish', () => this.answered.push(...texts));
    send(200, answer);
  }

  #giveToken(url: URL, send: (status: number, body: unknown) => void): void {
    const { grant_type, client_id, client_secret } = Object.fromEntries(url.searchParams);
    if (grant_type !== 'client_credentials' || client_id !== KEYS.QIANFAN_AK || client_secret !== KEYS.QIANFAN_SK) {
      send(401, { error: 'invalid_client', error_description: `unknown client id ${client_id}` });
      return;
    }
    this.tokensIssued += 1;
    this.#accessToken = `24.access-token-${this.tokensIssued}`;
    send(200, { access_token: this.#accessToken, expires_in: 2_592_000 });
  }
}

interface Asked {
  url: URL;
  request: IncomingMessage;
  accessToken: string;
  body: Record<string, unknown>;
}

interface Reply {
  status: number;
  body: unknown;
}

interface Route {
  path: RegExp;
  texts(body: Record<string, unknown>): string[];
  /** What is said to a key or signature that is wrong. */
  denied(asked: Asked): Reply | undefined;
  /** What is said to texts that the service does not take. */
  refused(texts: readonly string[]): Reply | undefined;
  expired: Reply;
  answer(data: unknown[], texts: readonly string[]): unknown;
}

const inputOf = (body: Record<string, unknown>) => body.input as string[];
const tokens = (texts: readonly string[]) => texts.reduce((sum, text) => sum + [...text].length, 0);
const usage = (texts: readonly string[]) => ({ prompt_tokens: tokens(texts), total_tokens: tokens(texts) });
const list = (data: unknown[], texts: readonly string[]) => ({ object: 'list', data, usage: usage(texts) });
const isBearer = ({ request }: Asked, key: string) => request.headers.authorization === `Bearer ${key}`;
const isPoisoned = (texts: readonly string[]) => texts.some((text) => text.includes('poison'));

const openaiError = (status: number, code: string, message: string): Reply => ({
  status,
  body: { error: { message, type: 'invalid_request_error', param: null, code } },
});

const ROUTES: readonly Route[] = [
  {
    path: /^\/v1\/embeddings$/,
    texts: inputOf,
    denied: (asked) =>
      [KEYS.OPENAI_API_KEY, KEYS.EMBEDDINGS_API_KEY].some((key) => isBearer(asked, key))
        ? undefined
        : openaiError(401, 'invalid_api_key', `Incorrect API key provided: ${asked.request.headers.authorization}`),
    refused: (texts) =>
      texts.length > 2048 || texts.includes('') || isPoisoned(texts)
        ? openaiError(400, 'invalid_value', "'$.input' is invalid.")
        : undefined,
    expired: openaiError(401, 'invalid_api_key', 'Incorrect API key'),
    answer: list,
  },
  {
    path: /^\/zhipu\/embeddings$/,
    texts: inputOf,
    denied: (asked) =>
      isBearer(asked, KEYS.ZHIPUAI_API_KEY) || isZhipuToken(asked)
        ? undefined
        : { status: 401, body: { error: { code: '1002', message: `token ${asked.request.headers.authorization}` } } },
    refused: (texts) =>
      texts.length > 64 || texts.includes('') || isPoisoned(texts)
        ? { status: 400, body: { error: { code: '1214', message: 'input 参数非法' } } }
        : undefined,
    expired: { status: 401, body: { error: { code: '1003', message: 'Authentication Token已过期' } } },
    answer: list,
  },
  {
    path: /^\/rpc\/2\.0\/ai_custom\/v1\/wenxinworkshop\/embeddings\/(embedding-v1|bge_large_zh|bge_large_en|tao_8k)$/,
    texts: inputOf,
    denied: (asked) => {
      const token = asked.url.searchParams.get('access_token');
      if (token === null ? isBceSigned(asked) : token === asked.accessToken) return undefined;
      return { status: 200, body: { error_code: 110, error_msg: `Access token invalid: ${token}` } };
    },
    refused: (texts) =>
      texts.length > 16 || texts.includes('') || isPoisoned(texts)
        ? { status: 200, body: { error_code: 336_003, error_msg: 'the input is invalid' } }
        : undefined,
    expired: { status: 200, body: { error_code: 111, error_msg: 'Access token expired' } },
    answer: (data, texts) => ({ id: 'as-1', created: 1, ...list(data, texts), object: 'embedding_list' }),
  },
  {
    path: /^\/v2\/embeddings$/,
    texts: inputOf,
    denied: (asked) =>
      isBearer(asked, KEYS.QIANFAN_API_KEY)
        ? undefined
        : { status: 401, body: { error: { code: 'invalid_iam_token', message: 'IAM Certification failed' }, id: 'x' } },
    refused: (texts) =>
      texts.length > 16 || texts.includes('') || isPoisoned(texts)
        ? { status: 400, body: { error: { code: 'invalid_argument', message: 'input' }, id: 'x' } }
        : undefined,
    expired: { status: 401, body: { error: { code: 'invalid_iam_token', message: 'expired' }, id: 'x' } },
    answer: list,
  },
  {
    path: /^\/$/,
    texts: (body) => {
      const { payload } = body as { payload: { messages: { text: string } } };
      const { messages } = JSON.parse(Buffer.from(payload.messages.text, 'base64').toString());
      return messages.map(({ content }: { content: string }) => content);
    },
    denied: (asked) =>
      isSparkSigned(asked) ? undefined : { status: 403, body: { message: 'HMAC signature does not match' } },
    refused: (texts) =>
      isPoisoned(texts)
        ? { status: 200, body: { header: { code: 10_013, message: '内容审核不通过', sid: 's' } } }
        : undefined,
    expired: { status: 403, body: { message: 'HMAC signature cannot be verified, a valid date header is required' } },
    answer: (data) => {
      const [{ embedding }] = data as [{ embedding: number[] }];
      const text = base64(Float32Array.from(embedding));
      return { header: { code: 0, message: 'success', sid: 's' }, payload: { feature: { text } } };
    },
  },
];

const base64 = ({ buffer }: Float32Array) => Buffer.from(buffer as ArrayBuffer).toString('base64');
const hmac = (key: string, text: string) => createHmac('sha256', key).update(text);

function isZhipuToken({ request }: Asked): boolean {
  const [id, secret] = KEYS.ZHIPUAI_API_KEY.split('.') as [string, string];
  const [header = '', payload = '', signature] = request.headers.authorization?.replace('Bearer ', '').split('.') ?? [];
  if (hmac(secret, `${header}.${payload}`).digest('base64url') !== signature) return false;
  const { api_key, exp, timestamp } = JSON.parse(Buffer.from(payload, 'base64url').toString());
  return api_key === id && exp > Date.now() && Math.abs(Date.now() - timestamp) < 300_000;
}

function isBceSigned({ url, request }: Asked): boolean {
  const { authorization = '' } = request.headers;
  const [, access, date = '', seconds, signed = '', signature = ''] = authorization.split('/');
  const names = signed.split(';');
  if (access !== KEYS.QIANFAN_ACCESS_KEY || !['host', 'x-bce-date'].every((name) => names.includes(name))) return false;
  if (Math.abs(Date.now() - Date.parse(date)) > Number(seconds) * 1000) return false;
  const lines = names.map((name) => `${name}:${encodeURIComponent(String(request.headers[name]))}`);
  const canonical = ['POST', url.pathname, url.search.slice(1), ...lines].join('\n');
  const key = hmac(KEYS.QIANFAN_SECRET_KEY, `bce-auth-v1/${access}/${date}/${seconds}`).digest('hex');
  return timingSafeEqual(Buffer.from(hmac(key, canonical).digest('hex')), Buffer.from(signature));
}

function isSparkSigned({ url, request, body }: Asked): boolean {
  const { host = '', date = '', authorization = '' } = Object.fromEntries(url.searchParams);
  const { app_id } = (body as { header: { app_id: string } }).header;
  if (host !== request.headers.host || app_id !== KEYS.IFLYTEK_SPARK_APP_ID) return false;
  if (!(Math.abs(Date.now() - Date.parse(date)) < 300_000)) return false;
  const signature = hmac(KEYS.IFLYTEK_SPARK_API_SECRET, `host: ${host}\ndate: ${date}\nPOST / HTTP/1.1`).digest(
    'base64',
  );
  const parts = `api_key="${KEYS.IFLYTEK_SPARK_API_KEY}", algorithm="hmac-sha256", headers="host date request-line"`;
  return Buffer.from(authorization, 'base64').toString() === `${parts}, signature="${signature}"`;
}
