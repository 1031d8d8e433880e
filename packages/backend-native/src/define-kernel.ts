/** The one shape of a kernel of this backend. */

import * as tf from '@tensorflow/tfjs-core';

import type { NativeBackend } from './backend.ts';

type Result = tf.TensorInfo | tf.TensorInfo[];

/** What a kernel does: inputs by name, attributes by name, storage. */
export type KernelBody<I, A> = (inputs: I, attributes: A, backend: NativeBackend) => Result;

/** A kernel ready to be registered. */
export interface Kernel {
  name: string;
  register(): void;
}

/**
 * Gives a TF.js kernel name its native implementation, in place of a copied cpu kernel where there is one.
 *
 * @param body Returns undefined to leave a case to TF.js's own cpu kernel (another dtype, a rare broadcast).
 */
export function defineKernel<I, A = object>(
  name: string,
  body: (...args: Parameters<KernelBody<I, A>>) => Result | undefined,
): Kernel {
  return {
    name,
    register() {
      const copied = tf.getKernel(name, 'native') as tf.KernelConfig | undefined;
      const floor = copied?.kernelFunc;
      if (floor) tf.unregisterKernel(name, 'native');
      tf.registerKernel({
        kernelName: name,
        backendName: 'native',
        kernelFunc: (call) => {
          const backend = call.backend as NativeBackend;
          const result = backend.whole(() => body(call.inputs as I, (call.attrs ?? {}) as A, backend));
          if (result !== undefined) return result;
          if (!floor) throw new Error(`internal: ${name} has no cpu kernel to leave a case to`);
          return floor(call);
        },
      });
    },
  };
}
