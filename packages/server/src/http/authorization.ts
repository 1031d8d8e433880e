/** The key that requests bear. */

import { createHash, timingSafeEqual } from 'node:crypto';

const digest = (text: string) => createHash('sha256').update(text).digest();

/** Compares in a time that says nothing of where two keys differ; true where no key is asked for. */
export function isAuthorized(header: string | undefined, key: string | undefined): boolean {
  if (key === undefined) return true;
  const [, given] = /^Bearer +(.+)$/i.exec(header ?? '') ?? [];
  return timingSafeEqual(digest(given ?? ''), digest(key)) && given !== undefined;
}
