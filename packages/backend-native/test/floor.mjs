/**
 * Prints which TF.js cpu kernels a training step and an encode of every model family, and every loss, still run:
 * node test/floor.mjs [family]. Values computed is what to look at: Identity and Reshape compute none.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import * as tf from '@tensorflow/tfjs';
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const core = (path) => import(`${root}packages/core/dist/${path}.js`);

/** What the step that runs now has called: kernel → [calls, values of results]. */
let calls = new Map();
for (const kernel of tf.getKernelsForBackend('cpu')) {
  tf.unregisterKernel(kernel.kernelName, 'cpu');
  tf.registerKernel({
    ...kernel,
    kernelFunc: (call) => {
      const result = kernel.kernelFunc(call);
      const [count, values] = calls.get(kernel.kernelName) ?? [0, 0];
      const made = [result]
        .flat()
        .filter(({ dataId }) => Object.values(call.inputs).every((x) => x?.dataId !== dataId));
      calls.set(kernel.kernelName, [
        count + 1,
        values + made.reduce((sum, x) => sum + tf.util.sizeFromShape(x.shape), 0),
      ]);
      return result;
    },
  });
}
console.assert(MathBackendCPU);

const { registerNativeBackend } = await import('../dist/index.js');
await registerNativeBackend();
await tf.setBackend('native');
const { parseConfig } = await core('config');
const { pairLoss, tripletLoss, coSentLoss } = await core('criteria');
const { familyOf } = await core('models/index');
const { dropoutState } = await core('operations/dropout');
const { adamW } = await core('operations/adamw');
const { pool } = await core('pooling');
const { packTokens } = await core('token-batch');
const { normalize } = await core('similarity');

const LARGER = {
  ...{ vocab_size: 1000, hidden_size: 128, n_embd: 128, dim: 128, embedding_size: 64, head_dim: 32 },
  ...{ intermediate_size: 256, n_inner: 256, hidden_dim: 256, num_attention_heads: 4, n_head: 4, n_heads: 4 },
  ...{ num_key_value_heads: 2, max_position_embeddings: 130, n_positions: 130, num_hidden_layers: 2 },
};
const batch = packTokens(Array.from({ length: 16 }, (_, b) => Array.from({ length: 20 + 5 * b }, (_, t) => 5 + t)));

function report(name, run) {
  calls = new Map();
  tf.tidy(run);
  const rows = [...calls].filter(([, [, values]]) => values > 0).sort((a, b) => b[1][1] - a[1][1]);
  console.log(
    `${name}: ${rows.map(([kernel, [count, values]]) => `${kernel} ${count}x ${values}`).join(', ') || 'none'}`,
  );
}

const families = `${root}fixtures/families/`;
for (const folder of readdirSync(families, { withFileTypes: true })) {
  if (!folder.isDirectory() || !folder.name.includes(process.argv[2] ?? '')) continue;
  const json = JSON.parse(readFileSync(`${families}${folder.name}/config.json`, 'utf8'));
  for (const key of Object.keys(LARGER)) if (typeof json[key] === 'number') json[key] = LARGER[key];
  const config = parseConfig(json, folder.name);
  const family = familyOf(config);
  const parameters = new Map(
    [...family.shapes(config)].map(([name, shape]) => [name, tf.variable(tf.randomNormal(shape, 0, 0.05))]),
  );
  const embed = (state) =>
    pool(family.forward(config, { parameters, batch, state, checkpointing: false }), batch, 'last_mean');
  report(`${folder.name} encode`, () => normalize(embed(undefined)).dataSync());
  report(`${folder.name} step`, () => {
    const variables = [...parameters.values()];
    const { grads } = tf.variableGrads(() => pairLoss(embed(dropoutState(1, 1)), embed(dropoutState(1, 2))), variables);
    for (const variable of variables) {
      const gradient = grads[variable.name];
      if (!gradient) continue;
      const moments = { m: tf.variable(tf.zerosLike(variable)), v: tf.variable(tf.zerosLike(variable)) };
      adamW(variable, gradient, moments, { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, t: 1 });
    }
  });
}

const [a, b, c] = [1, 2, 3].map(() => tf.randomNormal([64, 128]));
const losses = {
  ...Object.fromEntries(['softmax', 'sigmoid'].map((type) => [`pair ${type}`, (x, y) => pairLoss(x, y, type)])),
  ...Object.fromEntries(
    ['softmax', 'sigmoid'].map((type) => [`triplet ${type}`, (x, y) => tripletLoss(x, y, c, type)]),
  ),
  cosent: (x, y) => coSentLoss(x, y, tf.range(0, 64)),
};
for (const [name, loss] of Object.entries(losses)) report(`${name} loss`, () => tf.grads((x, y) => loss(x, y))([a, b]));
