/** Functions, casts, choices, gathers, tiles and reductions beside tfjs-backend-cpu's, around the vector and nothing. */

import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';

import { registerNativeBackend } from '../src/index.ts';
import { expectSame, wave } from './beside-cpu.ts';

beforeAll(async () => {
  await registerNativeBackend();
});

const SIZES = [0, 1, 15, 16, 17, 31, 1009, 70001];
const { NaN: NAN, POSITIVE_INFINITY: INFINITY } = Number;
const SPECIAL = [NAN, INFINITY, -INFINITY, 0, -0, 1e-40, -1e-40, 3e38, -3e38, 88.5, -88.5, 1, -1, 1e-5, 2147483648];
const special = (shape: number[] = [SPECIAL.length]) => tf.tensor(SPECIAL, shape);
const ids = (values: number[], shape = [values.length]) => tf.tensor(values, shape, 'int32');

describe.each([
  ['abs', tf.abs],
  ['exp', tf.exp],
  ['neg', tf.neg],
  ['relu', tf.relu],
  ['rsqrt', tf.rsqrt],
  ['sigmoid', tf.sigmoid],
  ['sqrt', tf.sqrt],
  ['square', tf.square],
  ['step', (x: tf.Tensor) => tf.step(x, 0.3)],
  ['tanh', tf.tanh],
] as [string, (x: tf.Tensor) => tf.Tensor][])('%s', (name, f) => {
  const positive = name === 'sqrt' || name === 'rsqrt';
  test.each(SIZES)('of %i values, and its gradient', async (n) => {
    await expectSame(() => {
      const x = positive ? tf.add(wave([n]), 3.5) : wave([n]);
      return [f(x), tf.grad((y) => tf.mul(f(y), wave([n], 3)))(x)];
    }, 2e-6);
  });

  test('of NaN, infinities, the smallest and the largest', async () => {
    await expectSame(() => [f(special())], 2e-6);
  });

  test.runIf(['abs', 'neg', 'relu', 'square', 'step'].includes(name))('of integers', async () => {
    await expectSame(() => [f(ids([-2, 0, 3]))], 0);
  });
});

test('tanh is right to 1e-6 of its value near 0', async () => {
  await tf.setBackend('native');
  const values = [1e-30, 1e-6, 1e-4, 3e-3, 0.01, 0.3, -0.02];
  const actual = tf.tanh(tf.tensor1d(values)).dataSync();
  values.forEach((x, i) => {
    expect(Math.abs((actual[i] as number) / Math.tanh(Math.fround(x)) - 1)).toBeLessThan(1e-6);
  });
});

describe('cast', () => {
  test.each(SIZES)('of %i values, every way', async (n) => {
    await expectSame(() => {
      const floats = tf.mul(wave([n]), 100);
      const integers = tf.cast(floats, 'int32');
      const truths = tf.cast(tf.relu(floats), 'bool');
      return [integers, truths, tf.cast(integers, 'float32'), tf.cast(truths, 'float32'), tf.cast(integers, 'bool')];
    }, 0);
  });

  test('of numbers that no integer holds, as JavaScript does it', async () => {
    await expectSame(() => {
      const far = tf.tensor1d([2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 33 + 2 ** 12, -(2 ** 40) - 2 ** 20, 1.9, -1.9]);
      return [tf.cast(tf.concat([far, special()]), 'int32'), tf.cast(special(), 'bool')];
    }, 0);
  });

  test('keeps arithmetic on the result', async () => {
    await expectSame(() => [tf.mul(tf.cast(ids([1, 2, 3]), 'float32'), 0.5)], 0);
  });
});

describe('where', () => {
  test.each(SIZES)('of %i values, and its gradients', async (n) => {
    await expectSame(() => {
      const [a, b] = [wave([n]), wave([n], 2)];
      const choose = (x: tf.Tensor, y: tf.Tensor) => tf.where(tf.greater(wave([n], 5), 0), x, y);
      return [choose(a, b), ...tf.grads((x, y) => tf.square(choose(x as tf.Tensor, y as tf.Tensor)))([a, b])];
    }, 1e-6);
  });

  test('with NaN on the side that is not taken, a scalar, integers', async () => {
    await expectSame(() => {
      const taken = tf.tensor1d([true, false], 'bool');
      const integers = tf.where(taken, ids([1, 2]), ids([3, 4]));
      return [tf.where(taken, [1, NAN], [NAN, 4]), tf.where(taken, tf.scalar(1), [3, 4]), integers];
    }, 0);
  });
});

describe('gather and segment sums', () => {
  test.each([
    [[1, 1], [0]],
    [
      [5, 17],
      [4, 0, 4],
    ],
    [[5, 16], []],
    [
      [9, 3, 5],
      [8, 8, 0, 1],
    ],
    [[0, 3], []],
    [[4], [3, 2, 3]],
    [[97, 31], Array.from({ length: 3000 }, (_, i) => (i * 7) % 97)],
  ])('of rows of shape %j, and the gradient', async (shape, rows) => {
    await expectSame(() => {
      const x = wave(shape);
      const gathered = tf.gather(x, ids(rows));
      if (rows.length === 0) return [gathered];
      return [gathered, tf.grad((y) => tf.square(tf.gather(y, ids(rows))))(x)];
    }, 1e-5);
  });

  test('of integers, of a matrix of indices, along another axis, in batches', async () => {
    await expectSame(() => {
      const x = wave([4, 5, 3]);
      const integers = ids([2 ** 31 - 1, -5, 2143289344, 7], [2, 2]); // one of them has the bits of a NaN
      return [
        tf.gather(integers, ids([1, 0, 1])),
        tf.gather(x, ids([3, 0, 1, 1], [2, 2])),
        tf.gather(x, ids([4, 0]), 1),
        tf.gather(x, ids([0, 1, 2, 3, 4, 0, 1, 2], [4, 2]), 1, 1),
      ];
    }, 0);
  });

  test.each([
    [[1, 1], [0], 1],
    [[6, 17], [2, 0, 2, 2, 5, 1], 7],
    [[5], [1, 1, 0, 3, 1], 4],
    [[4, 3, 5], [-1, 1, 9, 1], 3],
    [[0, 3], [], 2],
    [[2003, 33], Array.from({ length: 2003 }, (_, i) => (i * i) % 13), 13],
  ])('sums of rows of shape %j', async (shape, segments, count) => {
    await expectSame(() => [tf.unsortedSegmentSum(wave(shape), ids(segments) as tf.Tensor1D, count)], 1e-4);
  });

  test('the gradient of a segment sum', async () => {
    await expectSame(() => {
      const sums = (x: tf.Tensor) => tf.square(tf.unsortedSegmentSum(x, ids([1, 0, -1, 1]) as tf.Tensor1D, 3));
      return [tf.grad(sums)(wave([4, 17]))];
    }, 1e-5);
  });
});

describe('tile', () => {
  test.each([
    [[1], [1]],
    [[5], [3]],
    [
      [5, 17],
      [1, 3],
    ],
    [
      [5, 17],
      [2, 1],
    ],
    [
      [3, 5, 7],
      [2, 3, 5],
    ],
    [
      [0, 3],
      [2, 2],
    ],
    [
      [3, 2],
      [0, 2],
    ],
    [
      [1009, 1],
      [1, 67],
    ],
  ])('of shape %j by %j, and its gradient', async (shape, reps) => {
    await expectSame(() => {
      const x = wave(shape);
      if (x.size * reps.reduce((a, b) => a * b) === 0) return [tf.tile(x, reps)];
      return [tf.tile(x, reps), tf.grad((y) => tf.square(tf.tile(y, reps)))(x)];
    }, 1e-4);
  });

  test('leaves its input as it was', async () => {
    await tf.setBackend('native');
    const x = wave([3, 2]);
    const { numDataBuffers } = tf.memory();
    tf.tile(x, [1, 1]).dispose();
    tf.tile(x, [2, 2]).dispose();
    expect([...x.dataSync()]).toEqual([...wave([3, 2]).dataSync()]);
    expect(tf.memory().numDataBuffers).toBe(numDataBuffers + 1);
  });
});

test.each([0, 1, 2, -1])('stack of three along axis %i, and its gradient', async (axis) => {
  await expectSame(() => {
    const x = wave([5, 17]);
    const stacked = (y: tf.Tensor) => tf.stack([y, tf.neg(y), wave([5, 17], 4)], axis);
    return [stacked(x), tf.grad((y) => tf.square(stacked(y)))(x), tf.stack([tf.scalar(1), tf.scalar(2)])];
  }, 1e-5);
});

describe.each([
  ['sum', tf.sum],
  ['mean', tf.mean],
  ['max', tf.max],
  ['min', tf.min],
  ['prod', tf.prod],
] as const)('%s', (_name, reduce) => {
  test.each([
    [[1], [0]],
    [[70001], [0]],
    [[5, 15], [0]],
    [[5, 16], [1]],
    [
      [5, 17],
      [0, 1],
    ],
    [[3, 4, 5], [1]],
    [
      [3, 4, 5],
      [0, 2],
    ],
    [
      [3, 4, 5],
      [1, 2],
    ],
    [
      [3, 4, 5],
      [0, 1],
    ],
    [
      [2, 3, 4, 5],
      [1, 3],
    ],
    [
      [2, 3, 2, 3, 2],
      [1, 3],
    ],
    [[1009, 31], [0]],
    [[1009, 31], [-1]],
    [[3, 2], []],
  ])('of shape %j over axes %j, and the gradient', async (shape, axes) => {
    await expectSame(() => {
      // Near 1, so that a product of many stays a number.
      const x = tf.add(tf.mul(wave(shape), 0.003), 1);
      return [
        reduce(x, axes),
        reduce(x, axes, true),
        ...(reduce === tf.prod ? [] : [tf.grad((y) => reduce(y, axes))(x)]),
      ];
    }, 1e-4);
  });

  test('of nothing, of integers', async () => {
    await expectSame(() => [reduce(tf.zeros([3, 0]), 0), reduce(ids([3, -1, 2]))], 0);
  });

  test('of rows with NaN and infinities', async () => {
    await expectSame(() => {
      const x = tf.tensor2d([1, NAN, 2, INFINITY, 1, 2, -INFINITY, 1, 2, NAN, INFINITY, 1, 3, 1, 2], [5, 3]);
      const long = tf.tile(x, [1, 11]);
      return [reduce(x, 1), reduce(x, 0), reduce(long, 1), reduce(tf.reverse(long, 1), 1)];
    }, 1e-6);
  });
});

describe('pad', () => {
  test.each<[number[], [number, number][], number]>([
    [[0], [[2, 1]], 0],
    [[5], [[0, 0]], 0],
    [[17], [[3, 4]], 1.5],
    [
      [3, 31],
      [
        [0, 0],
        [1, 0],
      ],
      0,
    ], // the gradient of a slice
    [
      [31, 3],
      [
        [2, 5],
        [0, 0],
      ],
      0,
    ],
    [
      [2, 3, 7],
      [
        [1, 1],
        [0, 2],
        [3, 0],
      ],
      -1,
    ],
    [
      [2, 3, 5, 7],
      [
        [0, 1],
        [1, 0],
        [0, 0],
        [2, 2],
      ],
      Number.NaN,
    ],
  ])('of %j by %j with %d, and its gradient', async (shape, paddings, value) => {
    await expectSame(() => {
      const pad = (x: tf.Tensor) => tf.pad(x, paddings, value);
      return [
        pad(wave(shape)),
        tf.grad((x) => tf.mul(pad(x), Number.isNaN(value) ? 1 : wave(pad(x).shape, 3)))(wave(shape)),
      ];
    }, 0);
  });
});
