/** What a route is: its place, its help, what it takes, and its work. */

import type { Context } from 'hono';
import type { z } from 'zod';

import type { Metrics } from '../metrics.ts';
import type { Models } from '../models/models.ts';
import type { ResolvedServerOptions } from '../options.ts';

/** What the routes of a server share. */
export interface Shared {
  options: ResolvedServerOptions;
  models: Models;
  metrics: Metrics;
  /** Why no more requests are taken; undefined while they are. */
  unavailable(): string | undefined;
}

export interface Route {
  method: 'GET' | 'POST';
  path: string;
  summary: string;
  /** Answered without the key. */
  isPublic?: boolean;
  /** The JSON that it takes. */
  body?: z.ZodObject;
  /** @param body What `body` made of the request's JSON. @param signal Aborted when nobody waits for the answer. */
  handle(context: Context, body: unknown, signal: AbortSignal): Response | Promise<Response>;
}

/** Checks a route's types where it is written. */
export function postRoute<S extends z.ZodObject>(
  route: Omit<Route, 'method' | 'handle' | 'body'> & {
    body: S;
    handle(context: Context, body: z.output<S>, signal: AbortSignal): Promise<Response>;
  },
): Route {
  return { ...route, method: 'POST' } as unknown as Route;
}

/** Header of the number of texts that were cut to the model's length. */
export const TRUNCATED = 'X-Truncated-Texts';

export function jsonAnswer(json: string, truncated = 0): Response {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (truncated > 0) headers[TRUNCATED] = String(truncated);
  return new Response(json, { headers });
}
