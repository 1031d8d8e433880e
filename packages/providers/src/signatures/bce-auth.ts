/** Baidu's IAM signature, bce-auth-v1: Authorization and x-bce-date of a request. */

import { createHmac } from 'node:crypto';

/** How long a signature holds, in seconds. */
const EXPIRES_S = 1800;

export interface BceKeys {
  accessKey: string;
  secretKey: string;
}

/**
 *   key = HMAC(secret, "bce-auth-v1/{access key}/{date}/1800"), signature = HMAC(key, method, path, query and headers)
 *
 * @param headers Those that are signed, but host and x-bce-date, which are added.
 * @param now In ms since 1970.
 * @returns The headers to send; host is the address's own.
 */
export function bceHeaders(
  { accessKey, secretKey }: BceKeys,
  url: URL,
  headers: Readonly<Record<string, string>>,
  now: number,
): Record<string, string> {
  const date = `${new Date(now).toISOString().slice(0, 19)}Z`;
  const signed: Record<string, string> = { host: url.host, 'x-bce-date': date };
  for (const [name, value] of Object.entries(headers)) signed[name.toLowerCase()] = value;
  const names = Object.keys(signed).sort();
  const query = [...url.searchParams].map(([name, value]) => `${encoded(name)}=${encoded(value)}`).sort();
  const canonical = [
    'POST',
    encoded(decodeURIComponent(url.pathname)).replaceAll('%2F', '/'),
    query.join('&'),
    names.map((name) => `${encoded(name)}:${encoded((signed[name] as string).trim())}`).join('\n'),
  ].join('\n');
  const prefix = `bce-auth-v1/${accessKey}/${date}/${EXPIRES_S}`;
  const signature = hmac(hmac(secretKey, prefix), canonical);
  return { ...headers, 'x-bce-date': date, Authorization: `${prefix}/${names.join(';')}/${signature}` };
}

const hmac = (key: string, text: string) => createHmac('sha256', key).update(text).digest('hex');

/** RFC 3986: all but letters, digits and -._~ in percent. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}
