/** Where the built engine is kept. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { cacheRoot } from '@uniem/engine-setup';

/** The PyPI release whose library the binding is built against. */
export const TENSORFLOW_VERSION = '2.21.0';

/** tfjs-node's binding, and the addon that keeps TensorFlow's banner away. */
export const BINDING_ADDON = 'tfjs_binding.node';
export const QUIET_ADDON = 'quiet.node';

/** Part of the folder's name; raise it when what the set-up builds changes. */
const LAYOUT = 2;

/** The finished engine. It gets this name only when whole, so its existence says it is ready. */
export function engineFolder(): string {
  return join(cacheRoot(), `tensorflow-${TENSORFLOW_VERSION}-${process.platform}-${process.arch}-${LAYOUT}`);
}

export function isEngineReady(): boolean {
  return existsSync(join(engineFolder(), BINDING_ADDON));
}

export interface TensorflowStatus {
  /** Whether an earlier set-up is in the cache. */
  ready: boolean;
  cacheFolder: string;
}

/** What `uniem doctor` prints of this engine. */
export function tensorflowStatus(): TensorflowStatus {
  return { ready: isEngineReady(), cacheFolder: engineFolder() };
}
