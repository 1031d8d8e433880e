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
 * Arithmetic of the fused operations from here on; the backend must be the current one.
 *
 * @throws NativeError where the processor has no such arithmetic.
 */
export function usePrecision(precision: NativeBackend['precision']): void {
  const backend = tf.backend();
  if (!(backend instanceof NativeBackend)) {
    throw new NativeError(`the current engine is ${tf.getBackend()}`, "call tf.setBackend('native') first");
  }
  if (precision === 'bf16') requireBf16(backend);
  backend.precision = precision;
}

/** oneDNN alone knows which processors it has bf16 products for: one product is tried. */
function requireBf16({ binding }: NativeBackend): void {
  try {
    binding.MatMul(new Uint16Array(1), new Uint16Array(1), new Uint16Array(1), 1, 1, 1, 0, 0, 1, null);
  } catch (cause) {
    throw new NativeError('this processor has no bf16 matrix products', 'use precision fp32', { cause });
  }
}
