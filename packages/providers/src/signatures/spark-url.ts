/** iFlytek's signed address: host, date and an HMAC over both in the query. */

import { createHmac } from 'node:crypto';

/**
 *   signature = base64(HMAC-SHA256(secret, "host: …\ndate: …\nPOST /path HTTP/1.1"))
 *
 * @param now In ms since 1970; the service takes five minutes of difference.
 */
export function sparkUrl(address: string, apiKey: string, apiSecret: string, now: number): string {
  const { host, pathname } = new URL(address);
  const date = new Date(now).toUTCString();
  const signature = createHmac('sha256', apiSecret)
    .update(`host: ${host}\ndate: ${date}\nPOST ${pathname} HTTP/1.1`)
    .digest('base64');
  const authorization = `api_key="${apiKey}", algorithm="hmac-sha256", headers="host date request-line", signature="${signature}"`;
  const query = new URLSearchParams({ host, date, authorization: Buffer.from(authorization).toString('base64') });
  return `${address}?${query}`;
}
