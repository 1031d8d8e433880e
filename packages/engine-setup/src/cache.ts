/** Where engines are kept once they are built. */

import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** UNIEM_CACHE, or uniem's folder in the user's cache folder; absolute, as `require` reads another path as a package. */
export function cacheRoot(): string {
  return resolve(process.env.UNIEM_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'uniem'));
}
