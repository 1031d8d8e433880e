/** Every option of a server, once: its type, default, limits and help all come from here. */

import { BACKENDS, PRECISIONS } from '@uniem/core/names';
import { z } from 'zod';

export const serverOptions = z.strictObject({
  model: z
    .array(z.string())
    .min(1)
    .describe(
      'model folder or Hugging Face id (owner/name[@revision]); repeat for several models, NAME=MODEL sets the served name',
    ),
  port: z.int().min(0).max(65535).default(8080).describe('port to listen on; 0 picks a free one'),
  host: z.string().default('127.0.0.1').describe('address to bind; 0.0.0.0 accepts connections from other machines'),
  apiKey: z
    .string()
    .min(1)
    .optional()
    .describe('API key that clients must send as a bearer token; defaults to the environment variable UNIEM_API_KEY'),
  maxBatchTokens: z
    .int()
    .positive()
    .default(2048)
    .describe('token budget of a batch; larger batches increase throughput and latency'),
  maxConcurrentRequests: z
    .int()
    .positive()
    .default(512)
    .describe('maximum number of concurrent requests; further ones get 429'),
  maxQueueTexts: z
    .int()
    .positive()
    .default(50_000)
    .describe('maximum number of queued texts; while it is exceeded, new requests get 429'),
  maxBodyBytes: z
    .int()
    .positive()
    .default(16 * 2 ** 20)
    .describe('maximum size of a request body in bytes; larger ones get 413'),
  timeout: z
    .number()
    .positive()
    .max(86_400)
    .default(300)
    .describe('seconds after which an unfinished request gets 503'),
  precision: z.enum(PRECISIONS).default('fp32').describe('arithmetic of matrix products'),
  backend: z.enum(BACKENDS).default('auto').describe('engine to run on'),
});

/** What a caller writes: everything with a default may be left out. */
export type ServerOptions = z.input<typeof serverOptions>;

/** With the defaults filled in. */
export type ResolvedServerOptions = z.output<typeof serverOptions>;
