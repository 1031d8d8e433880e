/**
 * Prints which of TF.js's cpu kernels the native engine still runs in an encode and a training step of every model
 * family and in every loss, with their calls and the values they compute: node test/floor.mjs [family].
 */

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import * as tf from '@tensorflow/tfjs-core';

import '@tensorflow/tfjs-backend-cpu';
import '../../core/generated/tfjs-gradients.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const core = (path) => import(`${root}packages/core/dist/${path}.js`);

/** Of the part that runs now: a kernel's calls and values. Identity and Reshape make no values and do not count. */
let counts = new Map();

// The native engine copies the cpu engine's kernels when it starts: from here on they count themselves.
for (const kernel of tf.getKernelsForBackend('cpu')) {
  tf.unregisterKernel(kernel.kernelName, 'cpu');
  tf.registerKernel({ ...kernel, kernelFunc: (call) => counted(kernel, call) });
}

function counted({ kernelName, kernelFunc }, call) {
  const result = kernelFunc(call);
  const given = Object.values(call.inputs).map((input) => input?.dataId);
  const made = [result].flat().filter(({ dataId }) => !given.includes(dataId));
  const [calls, values] = counts.get(kernelName) ?? [0, 0];
  if (made.length > 0) {
    counts.set(kernelName, [calls + 1, made.reduce((sum, { shape }) => sum + tf.util.sizeFromShape(shape), values)]);
  }
  return result;
}

function report(name, run) {
  counts = new Map();
  tf.tidy(run);
  const rows = [...counts].sort(([, a], [, b]) => b[1] - a[1]);
  console.log(
    `${name}: ${rows.map(([kernel, [calls, values]]) => `${kernel} ${calls}x ${values}`).join(', ') || 'none'}`,
  );
}

const { registerNativeBackend } = await import('../dist/index.js');
await registerNativeBackend();
await tf.setBackend('native');
const { parseConfig } = await core('models/config');
const { coSentLoss, pairLoss, tripletLoss } = await core('losses/criteria');
const { familyOf } = await core('models/index');
const { adamW } = await core('operations/adamw');
const { clipGradNorm } = await core('operations/clip-grad-norm');
const { dropoutState } = await core('operations/dropout');
const { pool } = await core('models/pooling');
const { normalize } = await core('operations/similarity');
const { packTokens } = await core('tokenizer/token-batch');

/** The fixtures' models are tiny: what config.json says instead, so that a kernel's values show what it costs. */
const LARGER = {
  ...{ vocab_size: 1000, hidden_size: 128, n_embd: 128, dim: 128, embedding_size: 64, head_dim: 32 },
  ...{ intermediate_size: 256, n_inner: 256, hidden_dim: 256, num_attention_heads: 4, n_head: 4, n_heads: 4 },
  ...{ num_key_value_heads: 2, max_position_embeddings: 130, n_positions: 130, num_hidden_layers: 2 },
};
const batch = packTokens(Array.from({ length: 16 }, (_, b) => Array.from({ length: 20 + 5 * b }, (_, t) => 5 + t)));

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
  const variables = [...parameters.values()];
  const moments = variables.map((variable) => [0, 1].map(() => tf.variable(tf.zerosLike(variable), false)));
  const embed = (state) => {
    const output = family.forward(config, { parameters, batch, state, checkpointing: false });
    return pool(output, batch, 'last_mean');
  };
  report(`${folder.name} encode`, () => normalize(embed(undefined)).dataSync());
  report(`${folder.name} step`, () => {
    const loss = () => pairLoss(embed(dropoutState(1, 1)), embed(dropoutState(1, 2)));
    const { grads } = tf.variableGrads(loss, variables);
    const trained = variables.filter(({ name }) => grads[name]);
    const { clipped } = clipGradNorm(
      trained.map(({ name }) => grads[name]),
      1,
    );
    trained.forEach((variable, i) => {
      const [m, v] = moments[variables.indexOf(variable)];
      const update = { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01, t: 1 };
      adamW(variable, clipped[i], { m, v }, update);
    });
  });
  tf.dispose([...variables, ...moments.flat()]);
}

const [a, b, c] = [1, 2, 3].map(() => tf.randomNormal([64, 128]));
const labels = tf.range(0, 64);
const LOSSES = {
  'pair softmax': (x, y) => pairLoss(x, y, { lossType: 'softmax' }),
  'pair sigmoid': (x, y) => pairLoss(x, y, { lossType: 'sigmoid' }),
  'triplet softmax': (x, y) => tripletLoss(x, y, c, { lossType: 'softmax' }),
  'triplet sigmoid': (x, y) => tripletLoss(x, y, c, { lossType: 'sigmoid' }),
  cosent: (x, y) => coSentLoss(x, y, labels),
};
for (const [name, loss] of Object.entries(LOSSES)) report(`${name} loss`, () => tf.grads((x, y) => loss(x, y))([a, b]));
