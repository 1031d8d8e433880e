/** Every family against fixtures/families/generate.py (transformers, torch), on both engines. */

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { useEngine } from '../engine/engine.ts';
import { openSafetensors } from '../formats/safetensors.ts';
import { pairLoss } from '../losses/criteria.ts';
import { POOLING_STRATEGIES, type PoolingStrategy } from '../names.ts';
import { adamW, type Moments } from '../operations/adamw.ts';
import { dropoutState } from '../operations/dropout.ts';
import { packTokens, type TokenBatch } from '../tokenizer/token-batch.ts';
import { type ModelConfig, parseConfig } from './config.ts';
import { FAMILIES, familyOf } from './index.ts';
import { loadParameters, type Parameters } from './parameters.ts';
import { pool } from './pooling.ts';

const fixtures = fileURLToPath(new URL('../../../../fixtures/families/', import.meta.url));
const folders = readdirSync(fixtures, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);

/** sentence-transformers' two further ones are in formats/sentence-transformers.test.ts. */
const POOLINGS = POOLING_STRATEGIES.filter((name) => name !== 'last_max' && name !== 'last_mean_sqrt_len');

interface Golden {
  inputIds: number[][];
  lastHiddenState: number[][][];
  poolings: Record<string, number[][]>;
  /** Sum of squares, then the first values. */
  gradients: Record<string, number[]>;
  losses: number[];
}

function read(folder: string, file: string): unknown {
  return JSON.parse(readFileSync(`${fixtures}${folder}/${file}`, 'utf8'));
}

/** Asserts |actual − expected| <= tolerance·max(1, |expected|) at every value. */
function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string, tolerance = 1e-4): void {
  expect(actual.length, what).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i] as number, expected[i] as number];
    if (!(Math.abs(a - e) <= tolerance * Math.max(1, Math.abs(e)))) expect.fail(`${what}[${i}]: ${a}, expected ${e}`);
  }
}

vi.stubEnv('UNIEM_NUM_THREADS', '1'); // of such small tensors, threads would only wait for one another

test('there is a golden of every family', () => {
  const types = folders.map((folder) => (read(folder, 'config.json') as { model_type: string }).model_type);
  expect([...new Set(types)].sort()).toEqual(Object.keys(FAMILIES).sort());
});

describe.each(['native', 'tensorflow'] as const)('on %s', (backend) => {
  beforeAll(async () => {
    await useEngine({ backend });
  });

  describe.each(folders)('%s agrees with transformers', (folder) => {
    const golden = read(folder, 'expected.json') as Golden;
    const batch = packTokens(golden.inputIds);
    const four = packTokens(golden.inputIds.slice(0, 4));
    let config: ModelConfig;
    let parameters: Parameters;
    let tensors: number;

    beforeEach(() => {
      tensors = tf.memory().numTensors;
      config = parseConfig(read(folder, 'config.json') as Record<string, unknown>, `${folder}/config.json`);
      config.dropout = { embedding: 0, hidden: 0, attention: 0 };
      parameters = load();
    });

    afterEach(() => {
      tf.dispose([...parameters.values()]);
      expect(tf.memory().numTensors, 'tensors left').toBe(tensors);
    });

    /** With every name of the file changed as `rename` does. */
    function load(rename = (name: string) => name): Parameters {
      const path = `${fixtures}${folder}/model.safetensors`;
      const family = familyOf(config);
      const file = new Map([...openSafetensors(path)].map(([name, tensor]) => [rename(name), tensor]));
      return loadParameters(file, family.shapes(config), family.optional(config), family.prefix, path, family.aliases);
    }

    const run = (of: TokenBatch, { checkpointing = false, seed = undefined as number | undefined } = {}) => {
      const state = seed === undefined ? undefined : dropoutState(seed, 0);
      return familyOf(config).forward(config, { parameters, batch: of, state, checkpointing });
    };
    const pooled = (of: TokenBatch, strategy: PoolingStrategy, options = {}) => pool(run(of, options), of, strategy);
    const values = (compute: () => tf.Tensor): Float32Array => {
      const result = tf.tidy(compute);
      const data = result.dataSync() as Float32Array;
      result.dispose();
      return data;
    };
    const loss = (options = {}): tf.Scalar => {
      const vectors = pooled(batch, 'last_mean', options);
      return pairLoss(tf.slice(vectors, 0, 4), tf.slice(vectors, 4, 4));
    };
    const backward = (options = {}): { value: number; gradients: Record<string, tf.Tensor> } => {
      const { value, grads } = tf.variableGrads(() => loss(options), [...parameters.values()]);
      const names = [...parameters].map(([name, variable]) => [name, grads[variable.name]] as const);
      const found = names.filter((pair): pair is [string, tf.Tensor] => pair[1] !== undefined);
      const result = { value: value.dataSync()[0] as number, gradients: Object.fromEntries(found) };
      value.dispose();
      return result;
    };

    test('in its last hidden state', () => {
      expectClose(
        values(() => run(four).last),
        golden.lastHiddenState.flat(2),
        'state',
      );
    });

    test('under its prefix and aliases too', () => {
      tf.dispose([...parameters.values()]);
      const { prefix, aliases } = familyOf(config);
      parameters = load((name) => `${prefix}.${aliases?.[name] ?? name}`);
      expectClose(
        values(() => run(four).last),
        golden.lastHiddenState.flat(2),
        'state',
      );
    });

    test.each(POOLINGS)('in pooling %s', (strategy) => {
      const expected = golden.poolings[strategy];
      if (expected) {
        expectClose(
          values(() => pooled(four, strategy)),
          expected.flat(),
          strategy,
        );
      } else {
        expect(() => tf.tidy(() => pooled(four, strategy))).toThrow(
          /^poolingStrategy: \w+ cannot average embeddings of \d+ values with states of \d+\n {2}fix: use last_mean/,
        );
      }
    });

    test('in the gradient of every parameter', () => {
      const { gradients } = backward();
      expect(Object.keys(gradients).sort()).toEqual(Object.keys(golden.gradients).sort());
      for (const [name, expected] of Object.entries(golden.gradients)) {
        const data = gradients[name]?.dataSync() as Float32Array;
        const squares = data.reduce((sum, value) => sum + value * value, 0);
        expectClose([squares, ...data.slice(0, expected.length - 1)], expected, name);
      }
      tf.dispose(gradients);
    });

    test('in the losses of steps of AdamW', () => {
      const moments = new Map<string, Moments>();
      for (const [name, variable] of parameters) {
        const zeros = () => tf.tidy(() => tf.variable(tf.zerosLike(variable), false));
        moments.set(name, { m: zeros(), v: zeros() });
      }
      const update = { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 };
      const losses = golden.losses.map((_, step) => {
        const { value, gradients } = backward();
        for (const [name, gradient] of Object.entries(gradients)) {
          adamW(parameters.get(name) as tf.Variable, gradient, moments.get(name) as Moments, {
            ...update,
            t: step + 1,
          });
        }
        tf.dispose(gradients);
        return value;
      });
      tf.dispose([...moments.values()].flatMap(({ m, v }) => [m, v]));
      expectClose(losses, golden.losses, 'loss');
    });

    test('and gives one text alone what it has in a batch', () => {
      const together = values(() => run(batch).last);
      const apart = golden.inputIds.flatMap((ids) => [...values(() => run(packTokens([ids])).last)]);
      expectClose(apart, together, 'state', 1e-5);
    });

    test('and computes again in backward, with dropout, to the same gradients', () => {
      config.dropout = { embedding: 0.2, hidden: 0.2, attention: 0.2 };
      const { gradients: kept } = backward({ seed: 5 });
      const { gradients: again } = backward({ seed: 5, checkpointing: true });
      expect(Object.keys(again)).toEqual(Object.keys(kept));
      for (const [name, gradient] of Object.entries(kept)) {
        expectClose((again[name] as tf.Tensor).dataSync(), gradient.dataSync(), name, 1e-5);
      }
      tf.dispose([kept, again]);
    });
  });
});
