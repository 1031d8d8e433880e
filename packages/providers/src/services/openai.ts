/** OpenAI's embeddings, and those of any server that speaks as OpenAI does: Ollama, vLLM, TEI, `uniem serve`. */

import { addressOf, type Environment, keyOf, requireKeys } from '../environment.ts';
import { type ClientOptions, HostedProvider } from '../hosted-provider.ts';
import { kindOfStatus, readEmbeddingList, requireSuccess } from '../replies.ts';
import type { Service } from '../service.ts';

export interface OpenAIOptions extends ClientOptions {
  /** OPENAI_API_KEY if left out. */
  apiKey?: string | undefined;
  /** OPENAI_BASE_URL if left out, else OpenAI's own. */
  baseUrl?: string | undefined;
  /** OPENAI_ORGANIZATION if left out. */
  organization?: string | undefined;
}

export interface CompatibleOptions extends ClientOptions {
  /** As http://localhost:11434/v1, to which /embeddings is added. */
  baseUrl: string;
  /** EMBEDDINGS_API_KEY if left out, and none where that is not set either: a key of OpenAI's is for OpenAI. */
  apiKey?: string | undefined;
}

const TOKENS_A_REQUEST = 300_000;

/** A token is a byte at least. */
const bytes = (text: string) => Buffer.byteLength(text);

/** text-embedding-3-small, text-embedding-3-large, text-embedding-ada-002. */
export function openaiProvider(model: string, options: OpenAIOptions = {}): HostedProvider {
  const env: Environment = options.environment ?? process.env;
  const key = keyOf(options.apiKey, env, 'OPENAI_API_KEY');
  requireKeys(`openai ${model}`, { OPENAI_API_KEY: key });
  const organization = keyOf(options.organization, env, 'OPENAI_ORGANIZATION');
  const base = addressOf(options.baseUrl ?? (env.OPENAI_BASE_URL || 'https://api.openai.com/v1'), 'OPENAI_BASE_URL');
  const service: Service = {
    name: 'openai',
    model,
    limits: { texts: 2048, total: TOKENS_A_REQUEST, size: bytes, refusesEmpty: true },
    dimensions: /^text-embedding-ada/.test(model) ? undefined : 'any',
    secrets: () => [key as string],
    async request(texts, { dimensions }) {
      return {
        url: `${base}/embeddings`,
        headers: {
          Authorization: `Bearer ${key}`,
          ...(organization === undefined ? {} : { 'OpenAI-Organization': organization }),
        },
        body: JSON.stringify({ model, input: texts, encoding_format: 'base64', dimensions }),
      };
    },
    read: (reply, count) => readEmbeddingList(requireSuccess(reply, kindOf), count),
  };
  return new HostedProvider(service, options);
}

/** A server that answers POST <baseUrl>/embeddings as OpenAI does. `inputType` is sent as input_type where it is given. */
export function compatibleProvider(model: string, options: CompatibleOptions): HostedProvider {
  const key = keyOf(options.apiKey, options.environment ?? process.env, 'EMBEDDINGS_API_KEY');
  const bearer: Record<string, string> = key === undefined ? {} : { Authorization: `Bearer ${key}` };
  const base = addressOf(options.baseUrl, '--base-url');
  const service: Service = {
    name: 'compatible',
    model,
    limits: { texts: 32, total: TOKENS_A_REQUEST, size: bytes }, // TEI takes 32 where nobody says otherwise
    dimensions: 'any',
    secrets: () => (key === undefined ? [] : [key]),
    async request(texts, { dimensions, inputType }) {
      return {
        url: `${base}/embeddings`,
        headers: bearer,
        body: JSON.stringify({ model, input: texts, dimensions, input_type: inputType }),
      };
    },
    read: (reply, count) => readEmbeddingList(requireSuccess(reply, kindOf), count),
  };
  return new HostedProvider(service, options);
}

const QUOTA: ReadonlySet<string> = new Set(['insufficient_quota', 'billing_hard_limit_reached']);

function kindOf(code: string, status: number) {
  if (QUOTA.has(code)) return 'quota'; // comes as 429, and no waiting helps
  if (code === 'model_not_found') return 'options';
  return kindOfStatus(status);
}
