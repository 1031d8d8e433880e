/** GFLOP/s of bare oneDNN products of a training step's shapes: matmul.js. The limit of what a step can reach. */

import * as tf from '@tensorflow/tfjs-core';
import { PRECISIONS, useEngine } from '@uniem/core';

const TOKENS = 4096;
const ROUNDS = 15;
/** Inputs and outputs of a layer's products: attention's four, and the two of the feed-forward part. */
const SHAPES: [size: string, inputs: number, outputs: number][] = [
  ['6x384', 384, 384],
  ['6x384', 384, 1536],
  ['6x384', 1536, 384],
  ['12x768', 768, 768],
  ['12x768', 768, 3072],
  ['12x768', 3072, 768],
];
const KERNELS = ['Linear', 'LinearGradInput', 'LinearGradWeight'] as const;

await useEngine({ backend: 'native' });
for (const precision of PRECISIONS) {
  const run = (kernel: string, inputs: object) =>
    tf.engine().runKernel(kernel, inputs as tf.NamedTensorMap, { precision }) as tf.Tensor;
  for (const [size, inputs, outputs] of SHAPES) {
    const weight = tf.randomNormal([outputs, inputs]);
    // Made by the engine, so that in bf16 they are kept as bf16 and no conversion is timed.
    const x = run('Linear', { x: tf.randomNormal([TOKENS, 8]), weight: tf.randomNormal([inputs, 8]) });
    const dy = run('Linear', { x, weight });
    const operands = { Linear: { x, weight }, LinearGradInput: { dy, weight }, LinearGradWeight: { dy, x } };
    const rates = KERNELS.map((kernel) => {
      const seconds = Array.from({ length: ROUNDS }, () => {
        const start = performance.now();
        tf.dispose(run(kernel, operands[kernel]));
        return (performance.now() - start) / 1000;
      }).sort((a, b) => a - b);
      return (2 * TOKENS * inputs * outputs) / (seconds[Math.floor(ROUNDS / 2)] as number) / 1e9;
    });
    const cells = KERNELS.map((kernel, i) => `${kernel} ${(rates[i] as number).toFixed(0).padStart(5)}`).join('  ');
    console.log(`${precision} ${size.padEnd(6)} ${TOKENS} x ${inputs} x ${outputs}`.padEnd(32), cells, ' GFLOP/s');
    tf.dispose([weight, x, dy]);
  }
}
