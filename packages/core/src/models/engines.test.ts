/** Every family on the engine cpu, and in bf16 near fp32, against fixtures/families/generate.py. */

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { type EngineName, useEngine } from '../engine/engine.ts';
import { openSafetensors } from '../formats/safetensors.ts';
import { pairLoss } from '../losses/criteria.ts';
import { type Precision, withPrecision } from '../operations/precision.ts';
import { packTokens } from '../tokenizer/token-batch.ts';
import { parseConfig } from './config.ts';
import { familyOf } from './index.ts';
import { loadParameters } from './parameters.ts';
import { pool } from './pooling.ts';

vi.stubEnv('UNIEM_NUM_THREADS', '1'); // of such small tensors, threads would only wait for one another

const fixtures = fileURLToPath(new URL('../../../../fixtures/families/', import.meta.url));
const folders = readdirSync(fixtures, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);

interface Golden {
  inputIds: number[][];
  /** Sum of squares, then the first values. */
  gradients: Record<string, number[]>;
  losses: number[];
}

/** The loss and the norm of each gradient, here and in transformers. */
function measure(folder: string, precision: Precision) {
  const read = (file: string) => JSON.parse(readFileSync(`${fixtures}${folder}/${file}`, 'utf8'));
  const golden = read('expected.json') as Golden;
  const path = `${fixtures}${folder}/model.safetensors`;
  const config = parseConfig(read('config.json'), path);
  config.dropout = { embedding: 0, hidden: 0, attention: 0 };
  const family = familyOf(config);
  const tensors = openSafetensors(path);
  const parameters = loadParameters(tensors, family.shapes(config), family.optional(config), family.prefix, path);
  const batch = packTokens(golden.inputIds);
  const { value, grads } = tf.variableGrads(() => {
    const vectors = withPrecision(precision, () => {
      const output = family.forward(config, { parameters, batch, state: undefined, checkpointing: false });
      return pool(output, batch, 'last_mean');
    });
    return pairLoss(tf.slice(vectors, 0, 4), tf.slice(vectors, 4, 4));
  }, [...parameters.values()]);
  const norms = Object.entries(golden.gradients).map(([name, [squares]]) => {
    const gradient = grads[(parameters.get(name) as tf.Variable).name] as tf.Tensor;
    const actual = Math.hypot(...(gradient.dataSync() as Float32Array));
    return { name, actual, expected: Math.sqrt(squares as number) };
  });
  const loss = { actual: value.dataSync()[0] as number, expected: golden.losses[0] as number };
  tf.dispose([value, grads, [...parameters.values()]]);
  return { loss, norms };
}

describe.each<[EngineName, Precision, number]>([
  ['cpu', 'fp32', 1e-4],
  ['wasm', 'fp32', 1e-4],
  ['native', 'bf16', 0.05], // 8 bits of a number, over two layers forth and back
])('on %s in %s', (backend, precision, tolerance) => {
  beforeAll(async () => {
    await useEngine({ backend });
  });

  test.each(folders)('%s has the loss and the gradients of transformers', (folder) => {
    const { loss, norms } = measure(folder, precision);
    expect(Math.abs(loss.actual / loss.expected - 1)).toBeLessThan(tolerance);
    const largest = Math.max(...norms.map(({ expected }) => expected));
    const errors = norms.map(({ name, actual, expected }) => {
      return { name, error: Math.abs(actual - expected) / (expected + 0.1 * largest) };
    });
    for (const { name, error } of errors) expect(error, name).toBeLessThan(tolerance);
    const rounds = errors.some(({ error }) => error > 1e-4);
    expect(rounds, 'computes in bf16').toBe(precision === 'bf16');
  });
});
