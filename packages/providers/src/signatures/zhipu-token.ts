/** Zhipu's token: a JSON Web Token (HS256) made from a key `id.secret`, as the vendor's client makes it. */

import { createHmac } from 'node:crypto';

/** How long a token holds, in ms. */
export const TOKEN_MS = 210_000;

/** @param now In ms since 1970. */
export function zhipuToken(id: string, secret: string, now: number): string {
  const header = { alg: 'HS256', sign_type: 'SIGN', typ: 'JWT' };
  const payload = { api_key: id, exp: now + TOKEN_MS, timestamp: now };
  const signed = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}
