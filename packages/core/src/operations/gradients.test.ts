/** Every operation's gradient against finite differences, and the laws of each. */

import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { useEngine } from '../engine/engine.ts';
import { pool } from '../models/pooling.ts';
import { POOLING_STRATEGIES } from '../names.ts';
import { packTokens } from '../tokenizer/token-batch.ts';
import { ACTIVATIONS, gelu, geluNew } from './activation.ts';
import { attention, planAttention } from './attention.ts';
import { convolution } from './convolution.ts';
import { disentangledAttention, relativeRows } from './disentangled.ts';
import { dropout, dropoutState } from './dropout.ts';
import { embedding } from './embedding.ts';
import { layerNorm } from './layer-norm.ts';
import { linear, linearByColumns } from './linear.ts';
import { relativeBias } from './relative-bias.ts';
import { rmsNorm } from './rms-norm.ts';
import { rotary, rotaryTables } from './rotary.ts';
import { cosineMatrix, cosineRows, normalize } from './similarity.ts';

vi.stubEnv('UNIEM_NUM_THREADS', '1'); // of such small tensors, threads would only wait for one another

const HEADS = 2;
const H = 4;
const unequal = packTokens([new Int32Array(3), new Int32Array(1), new Int32Array(4)]);
const equal = packTokens([new Int32Array(2), new Int32Array(2)]);

/** Ordinary numbers about −1.5 … 1.5, told apart by seed. */
function values(shape: number[], seed: number): Float32Array {
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  return Float32Array.from({ length: size }, (_, i) => 1.5 * Math.sin(12.9898 * (i + 1) + 78.233 * seed));
}

/** Numbers so far from one another in a column that a step changes no maximum. */
const apart = ([rows, columns]: [number, number]) =>
  tf.tensor2d(
    Float32Array.from({ length: rows * columns }, (_, i) => (3 * ((7 * i) % 11)) / 10),
    [rows, columns],
  );

interface Operation {
  name: string;
  shapes: number[][];
  run: (...inputs: tf.Tensor2D[]) => tf.Tensor;
}

const OPERATIONS: Operation[] = [
  {
    name: 'linear',
    shapes: [[3, 4], [2, 4], [2]],
    run: (x, weight, bias) => linear(x, weight, bias as tf.Tensor as tf.Tensor1D),
  },
  {
    name: 'layerNorm',
    shapes: [[3, 5], [5], [5]],
    run: (x, weight, bias) => layerNorm(x, weight as tf.Tensor as tf.Tensor1D, bias as tf.Tensor as tf.Tensor1D, 1e-5),
  },
  {
    name: 'layerNorm with a residual',
    shapes: [[3, 5], [5], [5], [3, 5]],
    run: (x, weight, bias, residual) =>
      layerNorm(x, weight as tf.Tensor as tf.Tensor1D, bias as tf.Tensor as tf.Tensor1D, 1e-5, residual),
  },
  { name: 'embedding', shapes: [[4, 3]], run: (table) => embedding(table, Int32Array.of(2, 0, 2, 3)) },
  {
    name: 'rmsNorm',
    shapes: [[3, 5], [5]],
    run: (x, weight) => rmsNorm(x, weight as tf.Tensor as tf.Tensor1D, 1e-5),
  },
  ...(['halves', 'neighbours'] as const).map((pairs) => ({
    name: `rotary of ${pairs}`,
    shapes: [[3, 12]], // 2 heads of 6 values, 4 of them turned
    run: (x: tf.Tensor2D) => rotary(x, 2, rotaryTables(Int32Array.of(0, 1, 7), Float32Array.of(1, 0.1), 1.2), pairs),
  })),
  {
    name: 'linearByColumns',
    shapes: [[3, 4], [4, 2], [2]],
    run: (x, weight, bias) => linearByColumns(x, weight, bias as tf.Tensor as tf.Tensor1D),
  },
  { name: 'silu', shapes: [[4, 5]], run: (x) => ACTIVATIONS.silu(tf.mul(x, 2)) },
  {
    name: 'relativeBias',
    shapes: [[8, 2]],
    run: (table) => relativeBias(table, unequal, 8, 3),
  },
  { name: 'gelu', shapes: [[4, 5]], run: (x) => gelu(tf.mul(x, 2)) },
  { name: 'geluNew', shapes: [[4, 5]], run: (x) => geluNew(tf.mul(x, 2)) },
  ...[unequal, equal].map((batch) => ({
    name: `attention over texts of ${batch === unequal ? 'unequal' : 'equal'} length`,
    shapes: [0, 1, 2].map(() => [batch.inputIds.length, H]),
    run: (q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D) =>
      attention(q, k, v, HEADS, planAttention(batch), 0, undefined),
  })),
  {
    name: 'attention with dropout',
    shapes: [0, 1, 2].map(() => [unequal.inputIds.length, H]),
    run: (q, k, v) => attention(q, k, v, HEADS, planAttention(unequal), 0.3, dropoutState(1, 0)),
  },
  {
    name: 'attention, causal, windowed, biased, with a key for two heads',
    shapes: [
      [unequal.inputIds.length, H],
      [unequal.inputIds.length, H / HEADS],
      [unequal.inputIds.length, H / HEADS],
      [HEADS, 4, 4],
    ],
    run: (q, k, v, bias) =>
      attention(q, k, v, HEADS, planAttention(unequal), 0.3, dropoutState(1, 0), {
        causal: true,
        window: 3,
        bias: bias as tf.Tensor as tf.Tensor3D,
        kvHeads: 1,
        scale: 0.4,
      }),
  },
  {
    name: 'disentangledAttention, whose farthest distances share a row',
    shapes: [...[0, 1, 2].map(() => [unequal.inputIds.length, H]), [4, H], [4, H]],
    run: (q, k, v, keys, queries) =>
      disentangledAttention(
        ...([q, k, v, { keys, queries }, relativeRows(unequal, 0, 2)] as const),
        ...([{ heads: HEADS, scale: 0.4, batch: unequal }, 0.3, dropoutState(1, 0)] as const),
      ),
  },
  {
    name: 'convolution',
    shapes: [[unequal.inputIds.length, 2], [3, 2, 3], [3]],
    run: (x, weight, bias) =>
      convolution(x, weight as tf.Tensor as tf.Tensor3D, bias as tf.Tensor as tf.Tensor1D, unequal),
  },
  { name: 'dropout', shapes: [[4, 5]], run: (x) => dropout(x, 0.4, dropoutState(1, 0)) },
  ...POOLING_STRATEGIES.map((strategy) => ({
    name: `pooling ${strategy}`,
    shapes: Array(strategy.includes('_last_mean') ? 2 : 1).fill([unequal.inputIds.length, H]), // layers it reads
    run: (last: tf.Tensor2D, other = last) =>
      pool({ words: other, first: other, last: tf.add(last, apart(last.shape)) }, unequal, strategy),
  })),
  { name: 'normalize', shapes: [[3, 4]], run: (x) => normalize(x) },
  {
    name: 'cosineMatrix',
    shapes: [
      [3, 4],
      [2, 4],
    ],
    run: (a, b) => cosineMatrix(a, b),
  },
  {
    name: 'cosineRows',
    shapes: [
      [3, 4],
      [3, 4],
    ],
    run: (a, b) => cosineRows(a, b),
  },
];

const STEP = 2e-2;
const FIVE_POINT: [offset: number, weight: number][] = [
  [-2, 1 / 12],
  [-1, -8 / 12],
  [1, 8 / 12],
  [2, -1 / 12],
];

// The composites of plain TF.js operations, and the kernels fused from them.
describe.each(['tensorflow', 'native'] as const)('on engine %s', (backend) => {
  beforeAll(async () => {
    await useEngine({ backend });
  });

  describe.each(OPERATIONS)('$name', ({ shapes, run }) => {
    const inputs = shapes.map((shape, i) => values(shape, i));

    /** Σ output·weights, weights that are not alike, so that no error of a gradient cancels. */
    const scalar = (...x: tf.Tensor[]): tf.Scalar => {
      const output = run(...(x as tf.Tensor2D[]));
      return tf.sum(tf.mul(output, tf.tensor(values(output.shape, 7), output.shape)));
    };
    const at = (arrays: Float32Array[]): number =>
      tf.tidy(() => scalar(...arrays.map((array, i) => tf.tensor(array, shapes[i])))).dataSync()[0] as number;

    test('has the gradient of finite differences', () => {
      const tensors = inputs.map((array, i) => tf.tensor(array, shapes[i]));
      const gradients = tf.grads(scalar)(tensors);
      inputs.forEach((array, i) => {
        const actual = (gradients[i] as tf.Tensor).dataSync();
        array.forEach((_, j) => {
          let expected = 0;
          for (const [offset, weight] of FIVE_POINT) {
            const moved = inputs.map((input) => input.slice());
            (moved[i] as Float32Array)[j] = (array[j] as number) + offset * STEP;
            expected += (weight * at(moved)) / STEP;
          }
          expect(Math.abs((actual[j] as number) - expected), `input ${i}, value ${j}`).toBeLessThan(
            1e-3 * Math.max(1, Math.abs(expected)),
          );
        });
      });
      expect(gradients.some((gradient) => gradient.dataSync().some((value) => value !== 0))).toBe(true);
    });

    test('leaves no tensor but its result', () => {
      const tensors = inputs.map((array, i) => tf.tensor(array, shapes[i]));
      const before = tf.memory().numTensors;
      tf.tidy(() => scalar(...tensors)).dispose();
      tf.dispose(tf.tidy(() => tf.grads(scalar)(tensors)));
      expect(tf.memory().numTensors).toBe(before);
    });
  });

  test('of a vector of length 0 is a number', () => {
    const dx = tf.grad((x: tf.Tensor) => tf.sum(normalize(x as tf.Tensor2D)))(tf.zeros([1, 3]));
    expect([...dx.dataSync()].every(Number.isFinite)).toBe(true);
  });

  describe('attention', () => {
    const T = unequal.inputIds.length;
    const run = (change: (rows: Float32Array) => void) => {
      const [q, k, v] = [0, 1, 2].map((seed) => {
        const rows = values([T, H], seed);
        change(rows);
        return tf.tensor2d(rows, [T, H]);
      }) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
      return tf.tidy(() => attention(q, k, v, HEADS, planAttention(unequal), 0, undefined)).dataSync();
    };

    test('sees no other text of the batch', () => {
      const plain = run(() => {});
      const changed = run((rows) => rows.fill(9, 0, 3 * H)); // the first text's tokens
      expect(changed.slice(3 * H)).toEqual(plain.slice(3 * H));
      expect(changed.slice(0, 3 * H)).not.toEqual(plain.slice(0, 3 * H));
    });

    test('of one token is its value', () => {
      const own = values([T, H], 2).subarray(3 * H, 4 * H);
      tf.test_util.expectArraysClose(run(() => {}).slice(3 * H, 4 * H), own, 1e-6);
    });
  });

  describe('dropout', () => {
    const SIZE = 100_000;
    const drop = (probability: number, state = dropoutState(42, 0)) =>
      tf.tidy(() => dropout(tf.ones([SIZE]), probability, state)).dataSync();

    test.each([0.1, 0.5, 0.9])('keeps the mean at probability %f', (probability) => {
      const kept = drop(probability);
      const mean = kept.reduce((sum, value) => sum + value, 0) / SIZE;
      const deviation = Math.sqrt(probability / (1 - probability) / SIZE);
      expect(Math.abs(mean - 1)).toBeLessThan(4 * deviation);
      expect([...new Set(kept)].sort()).toEqual([0, Math.fround(1 / (1 - probability))]);
    });

    test('gives the same mask for the same seed, step and place, and another for another', () => {
      const mask = drop(0.5);
      expect(drop(0.5, dropoutState(42, 0))).toEqual(mask);
      const second = dropoutState(42, 0);
      drop(0.5, second);
      for (const other of [drop(0.5, dropoutState(43, 0)), drop(0.5, dropoutState(42, 1)), drop(0.5, second)]) {
        const same = other.filter((value, i) => value === mask[i]).length;
        expect(Math.abs(same / SIZE - 0.5)).toBeLessThan(0.01); // no more alike than two coins
      }
    });

    test('is the identity without a state and at probability 0, and zero at 1', () => {
      const x = tf.tensor1d([1, 2]);
      expect(dropout(x, 0.5, undefined)).toBe(x);
      expect(dropout(x, 0, dropoutState(1, 0))).toBe(x);
      expect([...dropout(x, 1, dropoutState(1, 0)).dataSync()]).toEqual([0, 0]);
    });
  });
});
