/**
 * Bundles the gradients of TF.js's kernels into packages/core/generated/tfjs-gradients.js. Plain JavaScript: runs before the build.
 *
 * tfjs-core registers them in a module that Node cannot load by itself (ES modules without file extensions), and the
 * package that loads it, `@tensorflow/tfjs`, brings layers, converters and WebGL: 270 MB that this project never uses.
 * The bundle holds copies of tfjs-core's functions, not of its state: engine and registries are global to the process.
 */

import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const core = join(dirname(dirname(fileURLToPath(import.meta.url))), 'packages', 'core');
const require = createRequire(join(core, 'package.json'));

/** Writes the bundle of the installed tfjs-core, once a version. */
export async function bundleGradients() {
  const { version } = require('@tensorflow/tfjs-core/package.json');
  const target = join(core, 'generated', 'tfjs-gradients.js');
  const stamp = join(core, 'generated', `tfjs-core-${version}`);
  if (existsSync(target) && existsSync(stamp)) return;
  const { build } = require('esbuild');
  mkdirSync(dirname(target), { recursive: true });
  const partial = `${target}.${process.pid}`;
  await build({
    stdin: { contents: `import '@tensorflow/tfjs-core/dist/register_all_gradients';`, resolveDir: core },
    bundle: true,
    minifySyntax: true,
    platform: 'node',
    format: 'esm',
    legalComments: 'eof',
    logLevel: 'error',
    outfile: partial,
    banner: { js: `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);` },
  });
  renameSync(partial, target);
  writeFileSync(stamp, '');
}
