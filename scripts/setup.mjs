/** Everything a fresh clone needs, each part once: packages, build, engine. Plain JavaScript: nothing is installed yet. */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const PNPM = 'pnpm@12.21.0';
const TRIES = 3; // a registry's hiccup should not end the set-up
const log = (line) => process.stderr.write(`setup: ${line}\n`);

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 17)) {
  log(`Node ${process.versions.node} is too old\n  fix: install Node 20.17 or newer`);
  process.exit(1);
}

/** Both of its outputs go to stderr: tsc tells its errors on stdout. */
function run(command, args) {
  execFileSync(command, args, { cwd: root, stdio: ['ignore', 2, 'inherit'] });
}

function fail(error, fix) {
  log(`${error.message}\n  fix: ${fix}`);
  process.exit(1);
}

/** Changes when a manifest or the lock file does. */
function manifestsHash() {
  const packages = readdirSync(join(root, 'packages'))
    .map((name) => join('packages', name, 'package.json'))
    .filter((file) => existsSync(join(root, file)));
  const hash = createHash('sha256');
  for (const file of ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', ...packages.sort()]) {
    hash.update(readFileSync(join(root, file)));
  }
  return hash.digest('hex');
}

function install() {
  const stamp = join(root, 'node_modules', '.uniem-setup');
  const hash = manifestsHash();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return;
  for (let attempt = 1; ; attempt++) {
    log(`installing packages${attempt > 1 ? `, try ${attempt}` : ''}`);
    try {
      run('npx', ['-y', PNPM, 'install', '--frozen-lockfile']);
      break;
    } catch (error) {
      if (attempt === TRIES) fail(error, 'see the lines above; a network that reaches the npm registry is needed');
    }
  }
  writeFileSync(stamp, hash);
}

install();
const { bundleGradients } = await import('./gradients.mjs');
await bundleGradients();
try {
  run(join(root, 'node_modules', '.bin', 'tsc'), ['-b']);
} catch (error) {
  fail(error, 'correct the errors above');
}
const { bundleBrowser } = await import('./browser.mjs');
await bundleBrowser();
const { setupTensorflow } = await import('../packages/backend-tensorflow/dist/index.js');
const { setupNative } = await import('../packages/backend-native/dist/index.js');
const { minilmFolder } = await import('../examples/dist/minilm.js');
try {
  await setupNative({ log });
  if (process.argv.includes('--with-tensorflow')) await setupTensorflow({ log });
  minilmFolder({ log });
} catch (error) {
  if (!error.fix) throw error;
  process.stderr.write(`${error.name}: ${error.message}\n`);
  process.exit(1);
}
