/** The TF.js backend 'wasm' of the optional package @tensorflow/tfjs-backend-wasm, with every kernel that cpu has. */

import * as tf from '@tensorflow/tfjs-core';

import { importOptional } from './optional-package.ts';

/** Its version has to be tfjs-core's. */
const PACKAGE = `@tensorflow/tfjs-backend-wasm@${tf.version_core}`;

let registered = false;

/** Makes `tf.setBackend('wasm')` possible. @throws EngineError where the package is not installed. */
export async function registerWasmBackend(): Promise<void> {
  if (registered) return;
  await importOptional(() => import('@tensorflow/tfjs-backend-wasm'), PACKAGE, 'engine wasm');
  await import('@tensorflow/tfjs-backend-cpu');
  const own = new Set(tf.getKernelsForBackend('wasm').map(({ kernelName }) => kernelName));
  for (const kernel of tf.getKernelsForBackend('cpu')) {
    if (!own.has(kernel.kernelName)) tf.registerKernel(throughCpu(kernel));
  }
  registered = true;
}

type Inputs = tf.NamedTensorInfoMap;

/**
 * A kernel that wasm lacks (UnsortedSegmentSum, the gradient of looking up embeddings, is one): its inputs are copied
 * to the cpu backend, its outputs back. Both lie in this process's memory, so that costs two copies.
 */
function throughCpu(kernel: tf.KernelConfig): tf.KernelConfig {
  return {
    kernelName: kernel.kernelName,
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs, backend }) => {
      const cpu = tf.engine().findBackend('cpu');
      const wasm = backend as tf.KernelBackend;
      const copies = Object.entries(inputs as Inputs).flatMap(([name, given]) => {
        const list = (Array.isArray(given) ? given : [given]) as tf.TensorInfo[];
        return list.map((info) => ({ name, many: Array.isArray(given), info: copy(info, wasm, cpu) }));
      });
      const moved: Record<string, tf.TensorInfo | tf.TensorInfo[]> = {};
      for (const { name, many, info } of copies) {
        moved[name] = many ? [...((moved[name] ?? []) as tf.TensorInfo[]), info] : info;
      }
      const made = kernel.kernelFunc({ inputs: moved as Inputs, attrs, backend: cpu });
      const outputs = Array.isArray(made) ? made : [made];
      const results = outputs.map((info) => copy(info, cpu, wasm));
      for (const { dataId } of [...copies.map(({ info }) => info), ...outputs]) cpu.disposeData(dataId, true);
      return Array.isArray(made) ? results : (results[0] as tf.TensorInfo);
    },
  };
}

function copy({ dataId, shape, dtype }: tf.TensorInfo, from: tf.KernelBackend, to: tf.KernelBackend): tf.TensorInfo {
  return { dataId: to.write(from.readSync(dataId), shape, dtype), shape, dtype };
}
