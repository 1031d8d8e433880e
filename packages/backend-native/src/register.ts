/** Registers the backend 'native': TF.js's cpu kernels as the floor, ours in their place. */

import * as tf from '@tensorflow/tfjs-core';

import { NativeBackend } from './backend.ts';
import { loadBinding, threadCount } from './binding.ts';
import { NativeError } from './errors.ts';
import { KERNELS } from './kernels/index.ts';

const PRIORITY = 4; // above tensorflow's 3: loading this package asks for it

export interface NativeEngine {
  /** The addon that was loaded. */
  path: string;
  instructionSet: 'avx2' | 'avx512';
  threads: number;
}

/**
 * Makes `tf.setBackend('native')` possible.
 *
 * @throws NativeError where no addon loads.
 */
export async function registerNativeBackend(): Promise<NativeEngine> {
  const { binding, path } = loadBinding();
  if (!tf.findBackendFactory('native')) {
    tf.registerBackend('native', () => new NativeBackend(binding), PRIORITY);
    // Kernels outlive tf.removeBackend.
    if (tf.getKernelsForBackend('native').length === 0) {
      tf.copyRegisteredKernels('cpu', 'native');
      for (const kernel of KERNELS) kernel.register();
    }
  }
  return { path, instructionSet: binding.instructionSet, threads: threadCount() };
}

/**
 * Whether this processor has bf16 products is known to oneDNN alone: one product is tried.
 *
 * @throws NativeError where it has none.
 */
export function requireBf16(): void {
  const { binding } = loadBinding();
  try {
    binding.MatMul(new Uint16Array(1), new Uint16Array(1), new Uint16Array(1), 1, 1, 1, 0, 0, 1, null);
  } catch (cause) {
    throw new NativeError('this processor has no bf16 matrix products', 'use precision fp32', { cause });
  }
}
