/** Registers the backend 'native': TF.js's cpu kernels as the floor, ours in their place. */

import * as tf from '@tensorflow/tfjs';

import { NativeBackend } from './backend.ts';
import { loadBinding, threadCount } from './binding.ts';
import { KERNELS } from './kernels/index.ts';

const PRIORITY = 4; // above tensorflow's 3: loading this package asks for it

export interface NativeEngine {
  /** The addon that was loaded. */
  path: string;
  instructionSet: 'avx2' | 'avx512';
  threads: number;
}

let registered = false;

/**
 * Makes `tf.setBackend('native')` possible.
 *
 * @throws NativeError where no addon loads.
 */
export async function registerNativeBackend(): Promise<NativeEngine> {
  const { binding, path } = loadBinding();
  if (!registered) {
    tf.registerBackend('native', () => new NativeBackend(binding), PRIORITY);
    tf.copyRegisteredKernels('cpu', 'native');
    for (const kernel of KERNELS) kernel.register();
    registered = true;
  }
  return { path, instructionSet: binding.instructionSet, threads: threadCount() };
}

/** Arithmetic of the fused operations from here on; the backend must be the current one. */
export function usePrecision(precision: NativeBackend['precision']): void {
  (tf.backend() as NativeBackend).precision = precision;
}
