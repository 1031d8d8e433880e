/**
 * Opens the demo page of @uniem/browser in headless Chromium: finds one, or installs it where apt-get may, and runs the
 * tests that `npm test` leaves out without one. npm run test:browser
 */

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** UNIEM_CHROMIUM, or the first of the PATH. */
function findChromium() {
  if (process.env.UNIEM_CHROMIUM !== undefined) return process.env.UNIEM_CHROMIUM;
  const folders = (process.env.PATH ?? '').split(delimiter);
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
}

function install() {
  process.stderr.write('no Chromium found: installing it by apt-get\n');
  try {
    for (const args of [['update'], ['install', '-y', 'chromium', 'fonts-noto-cjk']]) {
      execFileSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'] });
    }
  } catch (error) {
    process.stderr.write(`${error.message}\n`); // not root, or no Debian: what to do is said below
  }
}

if (findChromium() === undefined) install();
const chromium = findChromium();
if (chromium === undefined || !existsSync(chromium)) {
  process.stderr.write(
    `${chromium ?? 'Chromium'}: not found\n  fix: install chromium, or give the path of one as UNIEM_CHROMIUM\n`,
  );
  process.exit(1);
}
const env = { ...process.env, UNIEM_CHROMIUM: chromium };
const vitest = join(root, 'node_modules', '.bin', 'vitest');
execFileSync(vitest, ['run', 'packages/browser/test/page.test.ts'], { cwd: root, stdio: 'inherit', env });
