/** Answers read: vectors of OpenAI's shape, errors by HTTP status. */

import { Failure, type ProviderErrorKind } from './errors.ts';
import type { Answer, HttpReply } from './service.ts';

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What an HTTP status means by itself. */
export function kindOfStatus(status: number): ProviderErrorKind {
  if (status === 401 || status === 403) return 'auth';
  if (status === 402) return 'quota';
  if (status === 429) return 'rate';
  if (status === 408 || status === 425 || status >= 500) return 'unavailable';
  if (status === 400 || status === 413 || status === 422) return 'input';
  return 'options'; // a path or model that is not there, a redirect
}

/** Retry-After in ms: seconds or a date; or OpenAI's retry-after-ms. */
export function retryAfterOf(headers: Headers): number | undefined {
  const precise = headers.get('retry-after-ms');
  if (precise !== null && /^\d+(\.\d+)?$/.test(precise)) return Number(precise);
  const header = headers.get('retry-after')?.trim();
  if (!header) return undefined;
  const ms = /^\d+(\.\d+)?$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** The failure of a status, in the service's words. */
export function failureOf({ status, headers }: HttpReply, message: string, kind: Failure['kind']): Failure {
  return new Failure(kind, `${message} (HTTP ${status})`, retryAfterOf(headers));
}

/** The words of {error: {message, code}}, {error: "…"} or {message}; any other body as it is. */
export function messageOf(body: unknown): { message: string; code: string } {
  const error = isObject(body) ? (body.error ?? body) : body;
  if (!isObject(error)) return { message: String(error).trim() || 'no message', code: '' };
  const { message, code, type } = error;
  const words = typeof message === 'string' ? message : JSON.stringify(error);
  return { message: words, code: String(code ?? type ?? '') };
}

/** @throws Failure for a status other than 2xx, and for a 2xx that carries an error. */
export function requireSuccess(
  reply: HttpReply,
  kindOf: (code: string, status: number) => Failure['kind'] = (_, status) => kindOfStatus(status),
): Record<string, unknown> {
  const { status, body } = reply;
  const isError = isObject(body) && body.error !== undefined && body.error !== null;
  if (status >= 200 && status < 300 && !isError) {
    if (isObject(body)) return body;
    throw new Failure('unavailable', `the response is not a JSON object: ${shown(body)}`);
  }
  const { message, code } = messageOf(body);
  const words = code === '' || message.includes(code) ? message : `${message} [${code}]`;
  // An error of HTTP 200 says by its code what it is; without a known one it is no word of the texts'.
  throw failureOf(reply, words, kindOf(code, status < 300 ? 502 : status));
}

/** {data: [{index, embedding}], usage}, in any order; an embedding is a list or base64 of little-endian float32. */
export function readEmbeddingList(body: Record<string, unknown>, count: number): Answer {
  const { data, usage } = body;
  if (!Array.isArray(data)) throw new Failure('response', `the response has no data list: ${shown(body)}`);
  if (data.length !== count) throw new Failure('response', `received ${data.length} vectors for ${count} texts`);
  const embeddings = new Array<Float32Array | undefined>(count);
  for (const item of data) {
    const { index, embedding } = isObject(item) ? item : {};
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= count) {
      throw new Failure('response', `a vector has the index ${shown(index)}, of ${count} texts`);
    }
    if (embeddings[index]) throw new Failure('response', `two vectors have the index ${index}`);
    embeddings[index] = readVector(embedding);
  }
  return { embeddings: embeddings as Float32Array[], tokens: tokensOf(usage) };
}

/** @throws Failure for anything but finite numbers of which one is not 0. */
export function readVector(value: unknown): Float32Array {
  const numbers: ArrayLike<unknown> | undefined =
    typeof value === 'string' ? decoded(value) : Array.isArray(value) ? value : undefined;
  if (numbers === undefined || numbers.length === 0) throw new Failure('response', `a vector is ${shown(value)}`);
  const vector = new Float32Array(numbers.length);
  let isZero = true;
  for (let i = 0; i < vector.length; i++) {
    const one = numbers[i];
    if (typeof one !== 'number' || !Number.isFinite(one)) {
      throw new Failure('response', `a vector contains ${typeof one === 'number' ? one : shown(one)}`);
    }
    vector[i] = one;
    isZero &&= one === 0;
  }
  if (isZero) throw new Failure('response', 'a vector is all zeros');
  return vector;
}

function decoded(base64: string): Float32Array | undefined {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return undefined;
  const vector = new Float32Array(bytes.length / 4);
  for (let i = 0; i < vector.length; i++) vector[i] = bytes.readFloatLE(4 * i);
  return vector;
}

/** Those of the texts; a service that counts them alone names only the total. */
export function tokensOf(usage: unknown): number | undefined {
  if (!isObject(usage)) return undefined;
  const tokens = usage.prompt_tokens ?? usage.total_tokens;
  return typeof tokens === 'number' && Number.isFinite(tokens) ? tokens : undefined;
}

function shown(value: unknown): string {
  return (typeof value === 'string' ? JSON.stringify(value) : (JSON.stringify(value) ?? 'missing')).slice(0, 120);
}
