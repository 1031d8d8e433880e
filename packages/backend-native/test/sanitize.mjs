/**
 * Builds the addon under AddressSanitizer and UndefinedBehaviorSanitizer and runs this package's tests, core's
 * operations and a training run on it: node test/sanitize.mjs. Exits with 1 at the first report.
 */

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { buildAddon } from '../dist/setup.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const folder = await buildAddon(
  ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-fno-omit-frame-pointer', '-g1', '-O1'],
  (line) => console.error(line),
);
const library = (name) => execFileSync('g++', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const own = ['kernels', 'more-kernels', 'misuse'].map((name) => `packages/backend-native/test/${name}.test.ts`);
const tests = [...own, 'packages/core/src/operations', 'training.test.ts'];
try {
  execFileSync(process.execPath, [vitest, 'run', ...tests], {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      UNIEM_NATIVE_ADDON: join(folder, 'uniem.node'),
      LD_PRELOAD: `${library('libasan.so')} ${library('libubsan.so')}`,
      // Node itself keeps memory until it exits; what leaks there is not ours to find.
      ASAN_OPTIONS: 'detect_leaks=0,allocator_may_return_null=1',
    },
  });
} catch {
  process.exitCode = 1; // the report is above
}
