/** A request's JSON, as its schema has it. */

import type { Context } from 'hono';
import type { z } from 'zod';

import { RequestError } from '../errors.ts';

/**
 * @throws RequestError for more than `maxBytes`, what is not JSON in UTF-8, and the first field that is not as the schema
 *   says; the signal's reason.
 */
export async function readBody<S extends z.ZodObject>(
  context: Context,
  schema: S,
  { maxBytes, signal }: { maxBytes: number; signal: AbortSignal },
): Promise<z.output<S>> {
  const type = context.req.header('content-type') ?? '';
  if (!/^application\/(?:json|[\w.-]+\+json)\s*(?:;|$)/i.test(type)) {
    const received = type === '' ? 'missing content type' : `unsupported content type '${type.slice(0, 100)}'`;
    throw new RequestError('media_type', `${received}: send Content-Type: application/json`);
  }
  let bytes: ArrayBuffer | Uint8Array;
  try {
    bytes = await readBytes(context, maxBytes);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof RequestError) throw cause;
    throw new RequestError('invalid', `request body could not be read: ${(cause as Error).message}`, { cause });
  }
  const parsed = schema.safeParse(parse(bytes));
  if (parsed.success) return parsed.data;
  throw new RequestError('invalid', ...reasonOf(parsed.error));
}

/** Never has more than `maxBytes` in memory. */
async function readBytes({ req }: Context, maxBytes: number): Promise<ArrayBuffer | Uint8Array> {
  const tooLarge = () =>
    new RequestError('too_large', `request body exceeds ${maxBytes} bytes: send fewer texts per request`);
  const length = req.header('content-length');
  if (length !== undefined && req.header('transfer-encoding') === undefined) {
    if (Number(length) > maxBytes) throw tooLarge();
    return req.arrayBuffer();
  }
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of (req.raw.body ?? []) as AsyncIterable<Uint8Array>) {
    size += part.length;
    if (size > maxBytes) throw tooLarge();
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function parse(bytes: ArrayBuffer | Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    const message = (cause as Error).message.replace(/\s+/g, ' ').slice(0, 200);
    throw new RequestError('invalid', `request body is not valid JSON in UTF-8: ${message}`, { cause });
  }
}

/** The first problem, in words, and the field that has it. */
function reasonOf({ issues }: z.ZodError): [string, { param?: string }] {
  const [issue] = issues as [z.core.$ZodIssue, ...z.core.$ZodIssue[]];
  const path = issue.path.map(String).join('.').slice(0, 200);
  if (issue.code === 'unrecognized_keys') {
    const [key] = issue.keys.map((name) => name.slice(0, 100)) as [string];
    const within = path === '' ? '' : `${path}: `;
    return [`${within}unknown field '${key}'`, { param: key }];
  }
  return path === '' ? [`the request: ${issue.message}`, {}] : [`${path}: ${issue.message}`, { param: path }];
}
