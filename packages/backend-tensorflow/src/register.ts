/** Registers the TF.js backend 'tensorflow' on the first TensorFlow library that loads. */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import nodeUtil from 'node:util';

import * as tf from '@tensorflow/tfjs';

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
  restoreUtilFunctions();
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '3'; // later lines than the banner, nothing a user can act on
  for (const name of ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']) {
    const binding = ownBinding(name);
    if (binding) return register(binding, name, name);
  }
  if (!isEngineReady()) throw new TensorflowError('not set up', 'run: uniem setup tensorflow');
  const folder = engineFolder();
  load(join(folder, QUIET_ADDON));
  return register(join(folder, BINDING_ADDON), '@tensorflow/tfjs-node', folder);
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

function register(binding: string, packageName: string, source: string): TensorflowEngine {
  const bindings = load(binding);
  // tfjs-node's main module looks for its own binding and prints a banner; its parts do neither.
  require(`${packageName}/dist/register_all_kernels.js`);
  const { NodeJSKernelBackend } = require(`${packageName}/dist/nodejs_kernel_backend.js`) as {
    NodeJSKernelBackend: new (bindings: unknown, packageName: string) => tf.KernelBackend;
  };
  tf.registerBackend('tensorflow', () => new NodeJSKernelBackend(bindings, packageName), 3);
  registered = { source };
  return registered;
}

/** The binding inside an installed package, built by its own install script. */
function ownBinding(packageName: string): string | undefined {
  let root: string;
  try {
    root = dirname(require.resolve(`${packageName}/package.json`));
  } catch {
    return undefined; // not installed: the next source is tried
  }
  const path = join(root, 'lib', 'napi-v8', 'tfjs_binding.node');
  return existsSync(path) ? path : undefined;
}

/** tfjs-node 4.22 calls functions that Node 23 removed from node:util. */
function restoreUtilFunctions(): void {
  const util = nodeUtil as unknown as Record<string, unknown>;
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
}
