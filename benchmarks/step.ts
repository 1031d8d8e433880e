/** Seconds of one training step of ours: step.js FOLDER PRECISION PAIRS TOKENS STEPS. The peer is peers/step.py. */

import * as tf from '@tensorflow/tfjs-core';
import { Embedder, packTokens, pairLoss, useEngine } from '@uniem/core';
import { AdamW } from '@uniem/finetuner';

const [folder, precision, ...numbers] = process.argv.slice(2) as [string, 'fp32' | 'bf16', ...string[]];
const [pairs, tokens, steps] = numbers.map(Number) as [number, number, number];
await useEngine();
const embedder = await Embedder.fromPretrained(folder, { precision });
const variables = new Map([...embedder.parameters].filter(([name]) => !name.startsWith('pooler')));
const optimizer = new AdamW({ weightDecay: 1e-3 });
const seconds: number[] = [];
let loss = 0;
for (let step = 0; step < steps; step++) {
  let state = step + 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return 5 + (state % 30517);
  };
  const batch = packTokens(Array.from({ length: 2 * pairs }, () => Int32Array.from({ length: tokens }, next)));
  const start = performance.now();
  const { value, grads } = tf.variableGrads(() => {
    const embeddings = embedder.embed(batch);
    const part = (at: number) => tf.slice(embeddings, [at, 0], [pairs, -1]) as tf.Tensor2D;
    return pairLoss(part(0), part(pairs));
  }, [...variables.values()]);
  loss = value.dataSync()[0] as number;
  optimizer.step(variables, new Map([...variables].map(([name, v]) => [name, grads[v.name] as tf.Tensor])), 5e-5);
  tf.dispose([value, ...Object.values(grads)]);
  seconds.push((performance.now() - start) / 1000);
}
const median = seconds.slice(2).sort((a, b) => a - b)[Math.floor((steps - 2) / 2)];
console.log(JSON.stringify({ seconds: median, rss: process.resourceUsage().maxRSS * 1024, loss }));
