import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

import { afterEach, expect, test, vi } from 'vitest';

import { cacheRoot } from './cache.ts';

afterEach(() => vi.unstubAllEnvs());

test('the cache folder is absolute where UNIEM_CACHE is not', () => {
  vi.stubEnv('UNIEM_CACHE', 'some/cache');
  expect(cacheRoot()).toBe(resolve('some/cache'));
});

test('an empty variable is taken as unset', () => {
  vi.stubEnv('UNIEM_CACHE', '');
  vi.stubEnv('XDG_CACHE_HOME', '');
  expect(cacheRoot()).toBe(join(homedir(), '.cache', 'uniem'));
});
