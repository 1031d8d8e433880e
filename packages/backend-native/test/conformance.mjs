/**
 * Runs tfjs-core's own spec suite on the backend 'native' and prints how many passed, failed and were skipped.
 * node test/conformance.mjs [regular expression of spec names]
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const require = createRequire(import.meta.url);
const Jasmine = require('jasmine');

const folder = fileURLToPath(new URL('..', import.meta.url));
const output = mkdtempSync(join(folder, 'dist', 'conformance-'));
const bundle = join(output, 'specs.cjs');
await build({
  entryPoints: [fileURLToPath(new URL('conformance-entry.mjs', import.meta.url))],
  outfile: bundle,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  mainFields: ['module', 'main'], // one copy of tfjs-core, not two
  ignoreAnnotations: true, // its "sideEffects" list leaves out the specs: 98 % of them would be dropped in silence
  define: { 'import.meta.url': JSON.stringify(new URL('../dist/index.js', import.meta.url).href) }, // CommonJS has none
  external: ['jasmine-core', '*.node'],
  logLevel: 'error',
});

const WORKER_SPEC = 'computation in worker'; // needs a browser's Worker
const wanted = new RegExp(process.argv[2] ?? '');
const runner = new Jasmine();
runner.exitOnCompletion = false;
const counts = { passed: 0, failed: 0, pending: 0, excluded: 0 };
runner.clearReporters();
runner.addReporter({
  specDone(spec) {
    counts[spec.status] += 1;
    if (spec.status !== 'failed') return;
    console.log(`FAILED ${spec.fullName}\n  ${spec.failedExpectations.map(({ message }) => message).join('\n  ')}`);
  },
});
try {
  await require(bundle);
  runner.env.configure({
    random: false,
    specFilter: (spec) => wanted.test(spec.getFullName()) && !spec.getFullName().includes(WORKER_SPEC),
  });
  await runner.execute();
} finally {
  rmSync(output, { recursive: true });
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.pending} skipped`);
process.exitCode = counts.failed ? 1 : 0;
