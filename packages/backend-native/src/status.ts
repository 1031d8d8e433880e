/** What `uniem doctor` prints of this engine. */

import { existsSync } from 'node:fs';

import { addonCandidates } from './files.ts';

export interface NativeStatus {
  ready: boolean;
  /** The addon that would be loaded, or the last place that was looked at. */
  path: string;
}

export function nativeStatus(): NativeStatus {
  const candidates = addonCandidates();
  const found = candidates.find(existsSync);
  return { ready: found !== undefined, path: found ?? candidates.at(-1) ?? '' };
}
