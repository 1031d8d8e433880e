/**
 * Packs what is published into a folder of tarballs: every package, and this machine's platform package with the
 * addon inside, so that nothing is built or fetched on the user's machine. node scripts/pack.mjs FOLDER
 */

import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { nativeStatus } from '../packages/backend-native/dist/index.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = resolve(process.argv[2] ?? 'tarballs');
mkdirSync(target, { recursive: true });

const { ready, path: addon } = nativeStatus();
if (!ready) throw new Error('no addon to pack\n  fix: run npm run setup');
// Packed from a copy: an addon left in the tree would be loaded in place of a newer build.
const platform = mkdtempSync(join(tmpdir(), 'uniem-platform-'));
cpSync(join(root, 'packages', 'backend-native', 'npm', 'linux-x64-gnu'), platform, { recursive: true });
for (const file of ['uniem.node', 'libdnnl.so.3']) {
  copyFileSync(join(dirname(addon), file), join(platform, file));
  execFileSync('strip', ['--strip-unneeded', join(platform, file)]); // names for a debugger: 10 of oneDNN's 54 MB
}

const packages = [platform, ...readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name))];
for (const folder of packages.filter((path) => existsSync(join(path, 'package.json')))) {
  execFileSync('npx', ['-y', 'pnpm@12.21.0', 'pack', '--pack-destination', target], { cwd: folder, stdio: 'ignore' });
}
rmSync(platform, { recursive: true });
for (const tarball of readdirSync(target).sort()) console.log(join(target, tarball));
