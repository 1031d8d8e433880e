/**
 * Bundles @uniem/browser into packages/browser/dist: the module, minified, beside TF.js and the tokenizers library; and the
 * demo page, with all that it needs. Plain JavaScript: runs in the set-up, after the build.
 */

import { copyFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const browser = join(dirname(dirname(fileURLToPath(import.meta.url))), 'packages', 'browser');
const require = createRequire(join(browser, 'package.json'));

/** What a user's own bundler brings, once for all that needs it. */
const BESIDE = ['@tensorflow/*', '@huggingface/tokenizers'];

export async function bundleBrowser() {
  const { build } = require('esbuild');
  const dist = join(browser, 'dist');
  const options = {
    bundle: true,
    minify: true,
    keepNames: true, // an error's name is its class's
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    logLevel: 'error',
    legalComments: 'none',
  };
  const module = {
    ...options,
    entryPoints: [join(browser, 'src', 'index.ts')],
    outfile: join(dist, 'uniem-browser.js'),
  };
  await build({ ...module, conditions: ['development'], external: BESIDE });
  const demo = join(browser, 'src', 'demo');
  const page = join(dist, 'page');
  await build({
    ...options,
    entryPoints: [join(demo, 'demo.ts')],
    outfile: join(page, 'demo.js'),
    conditions: ['development'],
  });
  for (const file of ['index.html', 'demo.css']) copyFileSync(join(demo, file), join(page, file));
}
