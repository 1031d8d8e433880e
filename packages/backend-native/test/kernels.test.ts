/** Native kernels of TF.js names beside tfjs-backend-cpu's, at sizes around the vector, the tile and nothing at all. */

import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';

import { type NativeBackend, registerNativeBackend } from '../src/index.ts';
import { expectSame, wave } from './beside-cpu.ts';

beforeAll(async () => {
  await registerNativeBackend();
});

const SIZES = [0, 1, 15, 16, 17, 31, 1009, 70001];

/** TF.js's own gradients of these do not sum over what was broadcast. */
const WITHOUT_GRADIENT = ['maximum', 'minimum', 'squaredDifference'];

describe.each([
  ['add', tf.add],
  ['sub', tf.sub],
  ['mul', tf.mul],
  ['div', tf.div],
  ['maximum', tf.maximum],
  ['minimum', tf.minimum],
  ['squaredDifference', tf.squaredDifference],
] as const)('%s', (name, operation) => {
  test.each(SIZES)('of %i values, with itself, a scalar either side', async (n) => {
    await expectSame(() => {
      const [a, b] = [wave([n]), wave([n], 2)];
      return [operation(a, b), operation(a, 2.5), operation(tf.scalar(2.5), b)];
    }, 1e-6);
  });

  test.each([
    [[1], []],
    [[1, 1], [1]],
    [[5, 17], [17]],
    [[17], [5, 17]],
    [
      [4, 5, 17],
      [1, 5, 17],
    ],
    [
      [5, 17],
      [5, 1],
    ],
    [
      [5, 1],
      [5, 17],
    ],
    [
      [2, 5, 1],
      [2, 5, 33],
    ],
    [
      [3, 4, 5, 17],
      [3, 1, 1, 17],
    ],
    [
      [2, 1, 4, 1, 3],
      [1, 3, 1, 5, 1],
    ],
    [
      [5, 1],
      [1, 17],
    ],
    [[70001, 3], [3]],
  ])('of shapes %j and %j, and the gradient of both', async (first, second) => {
    await expectSame(() => {
      const [a, b] = [wave(first), wave(second, 2)];
      if (WITHOUT_GRADIENT.includes(name)) return [operation(a, b)];
      return [operation(a, b), ...tf.grads((x, y) => operation(x as tf.Tensor, y as tf.Tensor))([a, b])];
    }, 1e-4);
  });

  test('of NaN, infinities and zeros', async () => {
    const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1e-40, 3e38, 1];
    await expectSame(() => {
      const a = tf.tensor1d(special.flatMap((x) => special.map(() => x)));
      const b = tf.tensor1d(special.flatMap(() => special));
      return [operation(a, b)];
    }, 1e-6);
  });
});

describe('matMul', () => {
  const shapes: [number, number, number][] = [
    [1, 1, 1],
    [3, 7, 5],
    [16, 16, 16],
    [17, 33, 15],
    [1, 100, 1],
    [130, 67, 251],
    [0, 4, 3],
    [3, 0, 4],
  ];
  const flags = [
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ] as const;
  test.each(shapes.flatMap((shape) => flags.map((flag) => [...shape, ...flag] as const)))(
    '%i x %i x %i, transposed %s, %s, and its gradients',
    async (m, k, n, transposeA, transposeB) => {
      await expectSame(() => {
        const a = wave(transposeA ? [k, m] : [m, k]);
        const b = wave(transposeB ? [n, k] : [k, n], 2);
        const product = (x: tf.Tensor, y: tf.Tensor) => tf.matMul(x, y, transposeA, transposeB);
        if (m * k * n === 0) return [product(a, b)];
        return [product(a, b), ...tf.grads((x, y) => product(x as tf.Tensor, y as tf.Tensor))([a, b])];
      }, 2e-5);
    },
  );

  test.each([
    [
      [2, 3, 4, 5],
      [2, 3, 5, 6],
    ],
    [
      [3, 4, 5],
      [1, 5, 6],
    ],
    [
      [1, 4, 5],
      [3, 5, 6],
    ],
    [
      [2, 1, 4, 5],
      [1, 3, 5, 6],
    ],
    [
      [2, 0, 5],
      [2, 5, 6],
    ],
    [
      [2, 4, 0],
      [1, 0, 6],
    ],
  ])('of batches %j and %j', async (first, second) => {
    await expectSame(() => [tf.matMul(wave(first), wave(second, 2))], 2e-5);
  });

  test('of no batches by one matrix is nothing', async () => {
    await tf.setBackend('native'); // cpu gives 24 values of shape [0, 4, 6]
    expect(tf.matMul(wave([0, 4, 5]), wave([1, 5, 6])).dataSync().length).toBe(0);
  });

  test('reads a slice, a reshape and a clone as they are', async () => {
    await expectSame(() => {
      const a = wave([6, 7]);
      return [tf.matMul(tf.slice(a, [1, 0], [3, 7]), tf.reshape(a, [7, 6])), tf.matMul(a.clone(), a, true)];
    }, 2e-5);
  });
});

describe('slice, split and concat', () => {
  test.each([
    [[7], 0],
    [[5, 17], 0],
    [[5, 17], 1],
    [[3, 5, 17], 1],
    [[2, 3, 5, 7], 2],
    [[1009, 33], 1],
  ] as const)('of shape %j along axis %i, and their gradients', async (shape, axis) => {
    const n = shape[axis] as number;
    const begin = shape.map((_, i) => (i === axis ? 1 : 0));
    const size = shape.map((m, i) => (i === axis ? n - 2 : m));
    await expectSame(() => {
      const x = wave([...shape]);
      const sliced = (y: tf.Tensor) => tf.slice(y, begin, size);
      const joined = (y: tf.Tensor) => tf.concat([y, sliced(y), tf.neg(y)], axis);
      const swapped = (y: tf.Tensor) => tf.concat(tf.split(y, [2, n - 2], axis).reverse(), axis);
      const squared = (f: (y: tf.Tensor) => tf.Tensor) => tf.grad((y) => tf.square(f(y)))(x);
      return [sliced, joined, swapped].flatMap((f) => [f(x), squared(f)]);
    }, 1e-5);
  });

  test('of nothing', async () => {
    await expectSame(() => {
      const x = wave([4, 5]);
      return [tf.slice(x, [1, 0], [0, 5]), tf.concat([x, wave([0, 5])], 0)];
    }, 1e-6);
  });
});

describe('softmax', () => {
  test.each([[[1]], [[3, 1]], [[5, 15]], [[5, 16]], [[5, 17]], [[2, 3, 257]], [[0, 5]], [[1009, 31]]])(
    'of shape %j, and its gradient',
    async (shape) => {
      await expectSame(() => {
        const x = wave(shape);
        return [tf.softmax(x), tf.grad((y) => tf.mul(tf.softmax(y), wave(shape, 5)))(x)];
      }, 1e-5);
    },
  );

  test('of rows with NaN and infinities', async () => {
    const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
    await expectSame(
      () => [tf.softmax(tf.tensor2d([nan, 1, 2, -inf, 0, 1, -inf, -inf, -inf, inf, 1, 2], [4, 3]))],
      1e-6,
    );
  });
});

describe('transpose', () => {
  test.each([
    [
      [0, 3],
      [1, 0],
    ],
    [
      [5, 17],
      [1, 0],
    ],
    [
      [3, 5, 17],
      [2, 0, 1],
    ],
    [
      [2, 3, 5, 17],
      [0, 2, 1, 3],
    ],
    [
      [2, 3, 5, 17],
      [3, 1, 0, 2],
    ],
    [
      [2, 3, 1, 5, 2],
      [4, 1, 0, 2, 3],
    ],
    [
      [129, 67],
      [1, 0],
    ],
  ])('of shape %j to the order %j, and its gradient', async (shape, order) => {
    await expectSame(() => {
      const x = wave(shape);
      return [tf.transpose(x, order), tf.grad((y) => tf.square(tf.transpose(y, order)))(x)];
    }, 1e-6);
  });
});

describe('memory', () => {
  test('a disposed result gives its block to the next one, a result that was read keeps its values', async () => {
    await tf.setBackend('native');
    const { pool } = tf.backend() as NativeBackend;
    const a = wave([1000]);
    const first = tf.add(a, 1);
    const kept = first.dataSync();
    const before = kept.slice();
    first.dispose();
    expect(pool.idleBytes).toBeGreaterThan(0);
    const second = tf.mul(a, 7);
    expect(kept).toEqual(before);
    tf.dispose([a, second]);
  });
});
