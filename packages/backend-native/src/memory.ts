/** Memory this process may still take, and the error where there is none. */

import { existsSync, readFileSync } from 'node:fs';
import { freemem } from 'node:os';

import { NativeError } from './errors.ts';

const CGROUP = '/sys/fs/cgroup'; // version 2

/** Bytes that can be allocated and filled without the system ending a process for it. */
export function availableBytes(): number {
  return Math.min(freemem(), leftInCgroup());
}

/** The `code` of the error, as the addon gives it too. */
export const OUT_OF_MEMORY = 'ERR_OUT_OF_MEMORY';

export function outOfMemory(what: string): NativeError {
  const limit = process.env.UNIEM_MEMORY_LIMIT;
  const error = new NativeError(
    `${what}, ${availableBytes()} available${limit ? `, UNIEM_MEMORY_LIMIT is ${limit}` : ''}`,
    'make the batch smaller, or set gradientCheckpointing',
  );
  return Object.assign(error, { code: OUT_OF_MEMORY });
}

/** Of the container's limit; the page cache counts as left, as the system drops it first. */
function leftInCgroup(): number {
  if (!existsSync(`${CGROUP}/memory.max`)) return Number.POSITIVE_INFINITY;
  const read = (name: string) => readFileSync(`${CGROUP}/${name}`, 'utf8');
  const limit = Number(read('memory.max')); // NaN for 'max'
  if (Number.isNaN(limit)) return Number.POSITIVE_INFINITY;
  const statistics = read('memory.stat');
  const cache = ['active_file', 'inactive_file'].map((name) =>
    Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(statistics)?.[1]),
  );
  return limit - Number(read('memory.current')) + cache.reduce((sum, bytes) => sum + (bytes || 0), 0);
}
