/** Qianfan's access token: asked for once, shared by the requests, and asked for again when it ends. */

import { Failure } from '../errors.ts';
import { isObject, kindOfStatus, retryAfterOf } from '../replies.ts';
import type { Send } from '../service.ts';

/** A token is given up so long before its end, in ms. */
const SPARE_MS = 60_000;

export function accessTokens(base: string, ak: string, sk: string) {
  const issued: string[] = [];
  let current: { token: string; until: number } | undefined;
  let pending: Promise<string> | undefined;

  async function ask(send: Send): Promise<string> {
    const query = new URLSearchParams({ grant_type: 'client_credentials', client_id: ak, client_secret: sk });
    const { status, headers, body } = await send({ url: `${base}/oauth/2.0/token?${query}`, headers: {}, body: '' });
    const { access_token: token, expires_in: seconds, error, error_description: words } = isObject(body) ? body : {};
    if (typeof token !== 'string' || token === '') {
      const kind = error !== undefined ? 'auth' : status < 300 ? 'response' : kindOfStatus(status);
      throw new Failure(
        kind,
        `no access token: ${words ?? error ?? 'no message'} (HTTP ${status})`,
        retryAfterOf(headers),
      );
    }
    issued.push(token);
    const ms = typeof seconds === 'number' ? seconds * 1000 : 0; // of unknown length: for this request alone
    current = { token, until: Date.now() + ms - Math.min(SPARE_MS, ms / 2) };
    return token;
  }

  return {
    /** Every token so far: none of them is to be shown. */
    issued,
    current(send: Send): Promise<string> {
      if (current && Date.now() < current.until) return Promise.resolve(current.token);
      pending ??= ask(send).finally(() => {
        pending = undefined;
      });
      return pending;
    },
    /** Another request may have brought a new one already. */
    forget(token: string | undefined): void {
      if (current?.token === token) current = undefined;
    },
  };
}
