/** iFlytek Spark's embeddings: one text a request, 2,560 values, a domain for queries and one for documents. */

import { addressOf, keyOf, requireKeys } from '../environment.ts';
import { Failure } from '../errors.ts';
import { type ClientOptions, HostedProvider } from '../hosted-provider.ts';
import { failureOf, isObject, kindOfStatus, messageOf, readVector, requireSuccess } from '../replies.ts';
import type { Answer, HttpReply, Service } from '../service.ts';
import { sparkUrl } from '../signatures/spark-url.ts';

export interface SparkOptions extends ClientOptions {
  /** IFLYTEK_SPARK_APP_ID if left out. */
  appId?: string | undefined;
  /** IFLYTEK_SPARK_API_KEY if left out. */
  apiKey?: string | undefined;
  /** IFLYTEK_SPARK_API_SECRET if left out. */
  apiSecret?: string | undefined;
  baseUrl?: string | undefined;
}

/** What the service is called here, which has one model and no name for it. */
export const SPARK_MODEL = 'spark-embedding';

/** A text of inputType query goes to the domain query, any other to para. */
export function sparkProvider(model: string = SPARK_MODEL, options: SparkOptions = {}): HostedProvider {
  const env = options.environment ?? process.env;
  const appId = keyOf(options.appId, env, 'IFLYTEK_SPARK_APP_ID');
  const apiKey = keyOf(options.apiKey, env, 'IFLYTEK_SPARK_API_KEY');
  const apiSecret = keyOf(options.apiSecret, env, 'IFLYTEK_SPARK_API_SECRET');
  requireKeys(`spark ${model}`, {
    IFLYTEK_SPARK_APP_ID: appId,
    IFLYTEK_SPARK_API_KEY: apiKey,
    IFLYTEK_SPARK_API_SECRET: apiSecret,
  });
  const address = `${addressOf(options.baseUrl ?? 'https://emb-cn-huabei-1.xf-yun.com', '--base-url')}/`;
  const service: Service = {
    name: 'spark',
    model,
    limits: { texts: 1, refusesEmpty: true, requestsPerSecond: 2 },
    secrets: () => [appId as string, apiKey as string, apiSecret as string],
    async request([text], { inputType }) {
      const messages = { messages: [{ content: text, role: 'user' }] };
      return {
        url: sparkUrl(address, apiKey as string, apiSecret as string, Date.now()),
        headers: {},
        body: JSON.stringify({
          header: { app_id: appId, uid: 'uniem', status: 3 },
          parameter: { emb: { domain: inputType === 'query' ? 'query' : 'para', feature: { encoding: 'utf8' } } },
          payload: { messages: { text: Buffer.from(JSON.stringify(messages)).toString('base64') } },
        }),
      };
    },
    read: readSpark,
  };
  return new HostedProvider(service, options);
}

const KINDS: Readonly<Record<number, Failure['kind']>> = {
  10013: 'input', // refused by its content
  10014: 'input',
  10110: 'unavailable',
  10163: 'input',
  10907: 'input', // too many tokens
  11200: 'auth',
  11201: 'quota', // of the day
  11202: 'rate',
  11203: 'rate',
};

function readSpark(reply: HttpReply): Answer {
  const { status, body } = reply;
  const { header, payload } = isObject(body) ? body : {};
  if (isObject(header) && header.code !== 0) {
    const kind = KINDS[Number(header.code)] ?? (status < 300 ? 'response' : kindOfStatus(status));
    throw failureOf(reply, `${header.message} [${header.code}]`, kind);
  }
  if (status < 200 || status >= 300) {
    const clock = status === 401 || status === 403 ? ' (a wrong clock here makes signatures invalid)' : '';
    throw failureOf(reply, `${messageOf(body).message}${clock}`, kindOfStatus(status));
  }
  requireSuccess(reply);
  const feature = isObject(payload) && isObject(payload.feature) ? payload.feature.text : undefined;
  if (typeof feature !== 'string') throw new Failure('response', 'the response has no payload.feature.text');
  return { embeddings: [readVector(feature)], tokens: undefined };
}
