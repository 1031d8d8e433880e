/** Where the compiled engine is: in a platform's npm package, or built here from native/. */

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { cacheRoot } from '@uniem/engine-setup';

const require = createRequire(import.meta.url);

export const ADDON = 'uniem.node';

/** This machine in the words of npm's os, cpu and libc fields. */
export const PLATFORM = `${process.platform}-${process.arch}${process.platform === 'linux' ? '-gnu' : ''}`;

/** The C++ sources beside this package's src or dist. */
export const SOURCES = fileURLToPath(new URL('../native', import.meta.url));

/** The folder of a build of these very sources with these flags: others give another name, so none is stale. */
export function buildFolder(flags: readonly string[] = []): string {
  const hash = createHash('sha256').update(flags.join(' '));
  for (const file of readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).sort()) {
    if (/\.(cc|h)$/.test(file)) hash.update(file).update(readFileSync(join(SOURCES, file)));
  }
  return join(cacheRoot(), `native-${PLATFORM}-${hash.digest('hex').slice(0, 12)}`);
}

/** Every file that may hold the addon, the most wanted first; the first that exists is loaded. */
export function addonCandidates(): string[] {
  const candidates = [];
  if (process.env.UNIEM_NATIVE_ADDON) candidates.push(process.env.UNIEM_NATIVE_ADDON);
  try {
    candidates.push(join(dirname(require.resolve(`@uniem/native-${PLATFORM}/package.json`)), ADDON));
  } catch {
    // the platform's package is not installed: a build is looked for
  }
  if (existsSync(SOURCES)) candidates.push(join(buildFolder(), ADDON));
  return candidates;
}
