/** Every option of a server, once: its type, default, limits and help all come from here. */

import { BACKENDS, PRECISIONS } from '@uniem/core';
import { z } from 'zod';

export const serverOptions = z.strictObject({
  model: z
    .array(z.string())
    .min(1)
    .describe(
      'model folder, or owner/name[@revision] of the hub; repeat it for several, NAME=MODEL to serve one by another name',
    ),
  port: z.int().min(0).max(65535).default(8080).describe('port to listen on; 0 takes a free one'),
  host: z.string().default('127.0.0.1').describe('address to listen on; 0.0.0.0 for every network'),
  apiKey: z
    .string()
    .min(1)
    .optional()
    .describe('key that requests must bear (Authorization: Bearer …); UNIEM_API_KEY where left out'),
  maxBatchTokens: z
    .int()
    .positive()
    .default(2048)
    .describe('tokens that the engine embeds at once: more is faster over all, but every request waits longer'),
  maxConcurrentRequests: z.int().positive().default(512).describe('requests at once; more are answered 429'),
  maxQueueTexts: z
    .int()
    .positive()
    .default(50_000)
    .describe('texts that may wait for the engine; while more do, requests are answered 429'),
  maxBodyBytes: z
    .int()
    .positive()
    .default(16 * 2 ** 20)
    .describe('bytes of a request; a larger one is answered 413'),
  timeout: z
    .number()
    .positive()
    .max(86_400)
    .default(300)
    .describe('seconds until a request without an answer gets 503'),
  precision: z.enum(PRECISIONS).default('fp32').describe('arithmetic of matrix products'),
  backend: z.enum(BACKENDS).default('auto').describe('engine to run on'),
});

/** What a caller writes: everything with a default may be left out. */
export type ServerOptions = z.input<typeof serverOptions>;

/** With the defaults filled in. */
export type ResolvedServerOptions = z.output<typeof serverOptions>;
