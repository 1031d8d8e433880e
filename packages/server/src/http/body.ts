/** A request's JSON, as its schema has it. */

import type { Context } from 'hono';
import type { z } from 'zod';

import { RequestError } from '../errors.ts';

/**
 * @throws RequestError for what is not JSON in UTF-8, and for the first field that is not as the schema says.
 */
export async function readBody<S extends z.ZodObject>(
  context: Context,
  schema: S,
  signal: AbortSignal,
): Promise<z.output<S>> {
  const type = context.req.header('content-type') ?? '';
  if (!/^application\/(?:json|[\w.-]+\+json)\s*(?:;|$)/i.test(type)) {
    const received = type === '' ? 'no content-type' : `content-type ${type.slice(0, 100)}`;
    throw new RequestError('media_type', `the request has ${received}: send Content-Type: application/json`);
  }
  const bytes = await context.req.arrayBuffer().catch((cause) => {
    signal.throwIfAborted();
    throw new RequestError('invalid', `the request could not be read: ${(cause as Error).message}`, { cause });
  });
  const parsed = schema.safeParse(parse(bytes));
  if (parsed.success) return parsed.data;
  throw new RequestError('invalid', ...reasonOf(parsed.error));
}

function parse(bytes: ArrayBuffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    const message = (cause as Error).message.replace(/\s+/g, ' ').slice(0, 200);
    throw new RequestError('invalid', `the request is not JSON in UTF-8: ${message}`, { cause });
  }
}

/** The first problem, in words, and the field that has it. */
function reasonOf({ issues }: z.ZodError): [string, { param?: string }] {
  const [issue] = issues as [z.core.$ZodIssue, ...z.core.$ZodIssue[]];
  const path = issue.path.map(String).join('.').slice(0, 200);
  if (issue.code === 'unrecognized_keys') {
    const [key] = issue.keys.map((name) => name.slice(0, 100)) as [string];
    const within = path === '' ? '' : `${path} has `;
    return [`${within}no field '${key}' is known here: leave it out`, { param: key }];
  }
  return path === '' ? [`the request: ${issue.message}`, {}] : [`${path}: ${issue.message}`, { param: path }];
}
