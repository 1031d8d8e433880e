/** Where the hub is, where its files are kept, and who asks: options first, then the environment of huggingface_hub. */

import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

import { getHFHubCachePath, HUB_URL } from '@huggingface/hub';

import { checkHubOptions } from './checks.ts';

export interface HubOptions {
  /** HF_ENDPOINT if left out: a mirror or a hub of one's own. */
  endpoint?: string | undefined;
  /** HF_TOKEN, or the file that `hf auth login` wrote, if left out; false asks without one. */
  token?: string | false | undefined;
  /** HF_HUB_CACHE, or `hub` in HF_HOME, if left out. */
  cacheDir?: string | undefined;
  /** Nothing is asked of the network: HF_HUB_OFFLINE if left out. */
  offline?: boolean | undefined;
  /** Waits after failures: the first in ms, each further twice as long; 500 if left out. */
  retryDelay?: number | undefined;
}

export interface HubSettings {
  endpoint: string;
  token: string | undefined;
  cacheDir: string;
  offline: boolean;
  retryDelay: number;
}

export function hubSettings(options: HubOptions = {}): HubSettings {
  checkHubOptions(options);
  const { env } = process;
  return {
    endpoint: (options.endpoint ?? (env.HF_ENDPOINT || HUB_URL)).replace(/\/+$/, ''),
    token: options.token === false ? undefined : (options.token ?? environmentToken()),
    cacheDir: options.cacheDir ?? getHFHubCachePath(),
    offline: options.offline ?? isTrue(env.HF_HUB_OFFLINE),
    retryDelay: options.retryDelay ?? 500,
  };
}

/** What huggingface_hub takes for yes. */
const isTrue = (value: string | undefined) => /^(1|on|yes|true)$/i.test(value ?? '');

function environmentToken(): string | undefined {
  const { env } = process;
  if (isTrue(env.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return undefined;
  const given = (env.HF_TOKEN ?? env.HUGGING_FACE_HUB_TOKEN)?.trim();
  if (given) return given;
  const home = env.HF_HOME ?? join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'huggingface');
  const file = env.HF_TOKEN_PATH ?? join(home, 'token');
  return existsSync(file) ? readFileSync(file, 'utf8').trim() || undefined : undefined;
}
