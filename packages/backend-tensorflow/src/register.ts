/** Registers the TF.js backend 'tensorflow' on the first TensorFlow library that loads. */

import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import nodeUtil from 'node:util';

import * as tf from '@tensorflow/tfjs-core';

import { BINDING_ADDON, engineFolder, isEngineReady, QUIET_ADDON } from './cache.ts';
import { TensorflowError } from './errors.ts';

const require = createRequire(import.meta.url);

export interface TensorflowEngine {
  /** The package or folder whose binding was loaded. */
  source: string;
}

let registered: TensorflowEngine | undefined;

/**
 * Makes `tf.setBackend('tensorflow')` possible. In order: an installed @tensorflow/tfjs-node-gpu or
 * @tensorflow/tfjs-node whose own binding loads, then the build of `uniem setup tensorflow`.
 *
 * @throws TensorflowError where none is there.
 */
export async function registerTensorflowBackend(): Promise<TensorflowEngine> {
  if (registered) return registered;
  replaceUtilFunctions();
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '3'; // later lines than the banner, nothing a user can act on
  for (const name of ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']) {
    const bindings = ownBindings(name);
    if (bindings) return register(bindings, name, name);
  }
  if (!isEngineReady()) throw new TensorflowError('not set up', 'run: uniem setup tensorflow');
  const folder = engineFolder();
  load(join(folder, QUIET_ADDON));
  return register(load(join(folder, BINDING_ADDON)), '@tensorflow/tfjs-node', folder);
}

function load(addon: string): unknown {
  try {
    return require(addon);
  } catch (cause) {
    throw new TensorflowError(
      `${addon} does not load (${(cause as Error).message})`,
      'delete its folder, then run: uniem setup tensorflow',
      { cause },
    );
  }
}

function register(bindings: unknown, packageName: string, source: string): TensorflowEngine {
  // tfjs-node's main module looks for its own binding and prints a banner; its parts do neither.
  require(`${packageName}/dist/register_all_kernels.js`);
  const { NodeJSKernelBackend } = require(`${packageName}/dist/nodejs_kernel_backend.js`) as {
    NodeJSKernelBackend: new (bindings: unknown, packageName: string) => tf.KernelBackend;
  };
  tf.registerBackend('tensorflow', () => new NodeJSKernelBackend(bindings, packageName), 3);
  registered = { source };
  return registered;
}

/** The binding that an installed package's own install script built; undefined where there is none that loads. */
function ownBindings(packageName: string): unknown {
  try {
    const root = dirname(require.resolve(`${packageName}/package.json`));
    return require(join(root, 'lib', 'napi-v8', 'tfjs_binding.node'));
  } catch {
    return undefined; // not installed, not built, or its library is not there: the next source is tried
  }
}

/** tfjs-node 4.22 calls functions that node:util warns of since Node 22 and drops after it; these do the same. */
function replaceUtilFunctions(): void {
  Object.assign(nodeUtil, {
    isArray: Array.isArray,
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
  });
}
