/** Fused operations of the native engine beside their composites of plain TF.js operations: values and gradients. */

import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { useEngine } from '../engine/engine.ts';
import { packTokens } from '../tokenizer/token-batch.ts';
import { gelu, geluNew, silu } from './activation.ts';
import { adamW } from './adamw.ts';
import { type AttentionOptions, attention, planAttention } from './attention.ts';
import { coSent } from './co-sent.ts';
import { dropout, dropoutState } from './dropout.ts';
import { embedding } from './embedding.ts';
import { inBatchSoftmax } from './in-batch-softmax.ts';
import { layerNorm } from './layer-norm.ts';
import { linear, linearByColumns } from './linear.ts';
import { maxTokens } from './max-tokens.ts';
import { poolTokens } from './pool-tokens.ts';
import { withPrecision } from './precision.ts';
import { rmsNorm } from './rms-norm.ts';
import { rotary, rotaryTables } from './rotary.ts';

const wave = (shape: number[], seed: number, scale = 1) =>
  tf.tensor(
    Float32Array.from({ length: tf.util.sizeFromShape(shape) }, (_, i) => Math.sin(i * 1.7 + seed * 2.3) * scale),
    shape,
  );

type Operation = (...inputs: tf.Tensor[]) => tf.Tensor;

interface Case {
  name: string;
  shapes: number[][];
  run: Operation;
}

const textsOf = (lengths: number[]) => packTokens(lengths.map((length) => new Int32Array(length)));
const total = (lengths: number[]) => lengths.reduce((sum, length) => sum + length, 0);

const linearCases = [
  [1, 1, 1],
  [3, 7, 5],
  [17, 16, 33],
  [257, 40, 96],
].map(([T, I, O]) => ({
  name: `linear ${T} x ${I} -> ${O}`,
  shapes: [[T, I], [O, I], [O]] as number[][],
  run: ((x, w, b) => linear(x as tf.Tensor2D, w as tf.Tensor2D, b as tf.Tensor1D)) as Operation,
}));

const columnCases = [
  [1, 1, 1],
  [3, 7, 5],
  [17, 16, 33],
].map(([T, I, O]) => ({
  name: `linearByColumns ${T} x ${I} -> ${O}`,
  shapes: [[T, I], [I, O], [O]] as number[][],
  run: ((x, w, b) => linearByColumns(x as tf.Tensor2D, w as tf.Tensor2D, b as tf.Tensor1D)) as Operation,
}));

const normCases = [
  [1, 1],
  [2, 15],
  [3, 16],
  [5, 17],
  [67, 40],
  [1, 1009],
].flatMap(([T, H]) => [
  {
    name: `layerNorm ${T} x ${H}`,
    shapes: [[T, H], [H], [H]] as number[][],
    run: ((x, w, b) => layerNorm(x as tf.Tensor2D, w as tf.Tensor1D, b as tf.Tensor1D, 1e-5)) as Operation,
  },
  {
    name: `layerNorm with a residual ${T} x ${H}`,
    shapes: [[T, H], [H], [H], [T, H]] as number[][],
    run: ((x, w, b, r) =>
      layerNorm(x as tf.Tensor2D, w as tf.Tensor1D, b as tf.Tensor1D, 1e-5, r as tf.Tensor2D)) as Operation,
  },
]);

const attentionCases = [
  { lengths: [1], heads: 1, size: 1 },
  { lengths: [5, 1, 3], heads: 2, size: 4 },
  { lengths: [16, 17, 2], heads: 4, size: 8 },
  { lengths: [49, 97], heads: 3, size: 20 },
  { lengths: [8, 8, 8], heads: 2, size: 32 },
].flatMap(({ lengths, heads, size }) =>
  [0, 0.3].map((probability) => ({
    name: `attention over texts of ${lengths} tokens, ${heads} x ${size}, dropout ${probability}`,
    shapes: [0, 1, 2].map(() => [total(lengths), heads * size]),
    run: ((q, k, v) =>
      attention(
        q as tf.Tensor2D,
        k as tf.Tensor2D,
        v as tf.Tensor2D,
        heads,
        planAttention(textsOf(lengths)),
        probability,
        dropoutState(7, 1),
      )) as Operation,
  })),
);

const attentionVariants: { options: AttentionOptions; lengths: number[]; heads: number; size: number }[] = [
  { options: { causal: true }, lengths: [17, 1, 50], heads: 2, size: 8 },
  { options: { causal: true, window: 5, kvHeads: 2, scale: 0.3 }, lengths: [17, 1, 50], heads: 4, size: 8 },
  { options: { window: 3 }, lengths: [20, 7], heads: 1, size: 16 },
  { options: { kvHeads: 1, scale: 1 }, lengths: [4, 9], heads: 3, size: 5 },
  // Primes, beyond a block of 48 queries.
  { options: {}, lengths: [53, 101, 1], heads: 3, size: 13 },
  { options: { causal: true }, lengths: [131], heads: 1, size: 67 },
  { options: { window: 31 }, lengths: [127, 61], heads: 3, size: 17 },
  { options: { causal: true, window: 29, kvHeads: 2 }, lengths: [97, 3, 53], heads: 6, size: 11 },
];

const variantCases = attentionVariants.flatMap(({ options, lengths, heads, size }) =>
  [false, true].flatMap((biased) =>
    [0, 0.3].map((probability) => ({
      name: `attention ${JSON.stringify(options)}${biased ? ' with a bias' : ''}, dropout ${probability}`,
      shapes: [
        [total(lengths), heads * size],
        ...[0, 1].map(() => [total(lengths), (options.kvHeads ?? heads) * size]),
        ...(biased ? [[heads, Math.max(...lengths), Math.max(...lengths)]] : []),
      ],
      run: ((q, k, v, bias) =>
        attention(
          ...([q, k, v, heads] as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D, number]),
          ...([planAttention(textsOf(lengths)), probability, dropoutState(7, 1)] as const),
          { ...options, bias: bias as tf.Tensor3D | undefined },
        )) as Operation,
    })),
  ),
);

const CASES: Case[] = [
  ...linearCases,
  ...columnCases,
  ...normCases,
  ...attentionCases,
  ...variantCases,
  ...[1, 15, 16, 17, 20000].map((n) => ({
    name: `gelu of ${n}`,
    shapes: [[n]],
    run: ((x) => gelu(tf.mul(x, 6))) as Operation,
  })),
  ...[1, 15, 16, 17, 20000].map((n) => ({
    name: `geluNew of ${n}`,
    shapes: [[n]],
    run: ((x) => geluNew(tf.mul(x, 6))) as Operation,
  })),
  ...[1, 17, 40001].map((n) => ({
    name: `dropout of ${n}`,
    shapes: [[n]],
    run: ((x) => dropout(x, 0.4, dropoutState(3, 9))) as Operation,
  })),
  ...[1, 2, 17, 300].map((n) => ({
    name: `coSent of ${n} pairs with equal labels among them`,
    shapes: [[n]],
    run: ((scores) =>
      coSent(
        tf.mul(scores, 20) as tf.Tensor1D,
        tf.tensor1d(Float32Array.from({ length: n }, (_, i) => (i * 7) % 5)),
      )) as Operation,
  })),
  ...[1, 15, 16, 17, 20000].map((n) => ({
    name: `silu of ${n}`,
    shapes: [[n]],
    run: ((x) => silu(tf.mul(x, 6))) as Operation,
  })),
  ...[
    [1, 1],
    [2, 15],
    [3, 16],
    [67, 40],
  ].map(([T, H]) => ({
    name: `rmsNorm ${T} x ${H}`,
    shapes: [[T, H], [H]] as number[][],
    run: ((x, w) => rmsNorm(x as tf.Tensor2D, w as tf.Tensor1D, 1e-5)) as Operation,
  })),
  ...(['halves', 'neighbours'] as const).flatMap((pairs) =>
    [
      [1, 1, 2, 2],
      [5, 2, 8, 8],
      [7, 3, 20, 12],
      [40, 2, 64, 64],
    ].map(([T, heads, D, R]) => ({
      name: `rotary of ${T} tokens, ${heads} x ${D}, ${R} of them turned, ${pairs}`,
      shapes: [[T as number, (heads as number) * (D as number)]],
      run: ((x) => {
        const positions = Int32Array.from({ length: T as number }, (_, t) => t % 9);
        const frequencies = Float32Array.from({ length: (R as number) / 2 }, (_, i) => 1 / (i + 1));
        return rotary(x as tf.Tensor2D, heads as number, rotaryTables(positions, frequencies), pairs);
      }) as Operation,
    })),
  ),
  ...[1, 2, 17, 64, 129].map((n) => ({
    name: `inBatchSoftmax of ${n} records`,
    shapes: [[n, n]],
    run: ((scores) => inBatchSoftmax(tf.mul(scores, 20) as tf.Tensor2D)) as Operation,
  })),
  ...[
    { lengths: [1], size: 1 },
    { lengths: [3, 1, 17], size: 15 },
    { lengths: [5, 2], size: 16 },
    { lengths: [1, 97, 13], size: 127 },
    { lengths: [700, 300, 9], size: 131 },
  ].map(({ lengths, size }) => ({
    name: `poolTokens of texts of ${lengths} tokens, ${size} values`,
    shapes: [[total(lengths), size]],
    run: ((x) => {
      const weights = Float32Array.from({ length: total(lengths) }, (_, t) => (t % 3 === 2 ? 0 : Math.cos(t)));
      return poolTokens(x as tf.Tensor2D, weights, textsOf(lengths));
    }) as Operation,
  })),
  ...[
    { lengths: [1], size: 1 },
    { lengths: [3, 1, 17], size: 15 },
    { lengths: [5, 2], size: 16 },
    { lengths: [1, 97, 13], size: 127 },
  ].map(({ lengths, size }) => ({
    name: `maxTokens of texts of ${lengths} tokens, ${size} values`,
    shapes: [[total(lengths), size]],
    run: ((x) => maxTokens(x as tf.Tensor2D, textsOf(lengths))) as Operation,
  })),
  {
    name: 'embedding with repeated rows',
    shapes: [[50, 17]],
    run: ((table) => embedding(table as tf.Tensor2D, Int32Array.of(3, 49, 3, 0, 3, 7))) as Operation,
  },
];

/** The result and the gradient of every input under an uneven dy, on one engine. */
async function valuesOn(backend: 'native' | 'cpu', { shapes, run }: Case): Promise<Float32Array[]> {
  await useEngine({ backend });
  const results = tf.tidy(() => {
    const inputs = shapes.map((shape, i) => wave(shape, i));
    const value = run(...inputs);
    const weighted = (...x: tf.Tensor[]) => tf.sum(tf.mul(run(...x), wave(value.shape, 11)));
    return [value, ...tf.grads(weighted)(inputs)];
  });
  return Promise.all(results.map(async (tensor) => (await tensor.data()) as Float32Array));
}

describe('native gives what the composite gives', () => {
  test.each(CASES)('$name', async (example) => {
    const [native, composite] = [await valuesOn('native', example), await valuesOn('cpu', example)];
    native.forEach((values, k) => {
      const expected = composite[k] as Float32Array;
      const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
      expect(values.length).toBe(expected.length);
      values.forEach((value, i) => {
        const error = Math.abs(value - (expected[i] as number));
        if (!(error <= 1e-5 * largest)) expect.fail(`result ${k}, [${i}]: ${value}, composite ${expected[i]}`);
      });
    });
  });

  // Where the composite has a number the kernel has it too, and where it has NaN, none hides it.
  const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
  const marked = (shape: number[], at: number, value: number) => {
    const values = wave(shape, 1).dataSync().slice();
    values[at] = value;
    return tf.tensor(values, shape);
  };
  test.each([
    ['gelu of far values', () => gelu(tf.tensor1d([nan, inf, 1e6, -1e6, -9, 1e-40, 0, -0]))],
    ['geluNew of far values', () => geluNew(tf.tensor1d([nan, inf, 1e6, -1e6, -9, 1e-40, 0, -0]))],
    [
      "geluNew's gradient at far values",
      () => tf.grad(geluNew)(tf.tensor1d([nan, 1e6, -1e6, 9.5, -9.5, 5.2, -5.2, 1e-40, 0])),
    ],
    ['silu of far values', () => silu(tf.tensor1d([nan, inf, 1e6, -1e6, -90, 1e-40, 0, -0]))],
    ['inBatchSoftmax with a score of NaN', () => inBatchSoftmax(marked([3, 3], 1, nan) as tf.Tensor2D)],
    ...[nan, inf, -inf].flatMap((value) => [
      [
        `attention with a query of ${value}`,
        () => {
          const [q, k, v] = [marked([21, 8], 40, value), wave([21, 8], 2), wave([21, 8], 3)] as tf.Tensor2D[];
          const plan = planAttention(textsOf([3, 17, 1]));
          return attention(q as tf.Tensor2D, k as tf.Tensor2D, v as tf.Tensor2D, 2, plan, 0, undefined);
        },
      ],
      [
        `rmsNorm and layerNorm with a value of ${value}`,
        () => {
          const [x, w, b] = [marked([3, 17], 20, value), wave([17], 2), wave([17], 3)];
          const scaled = rmsNorm(x as tf.Tensor2D, w as tf.Tensor1D, 1e-5);
          return tf.concat([scaled, layerNorm(x as tf.Tensor2D, w as tf.Tensor1D, b as tf.Tensor1D, 1e-5)]);
        },
      ],
    ]),
  ] as [string, () => tf.Tensor][])('%s', async (_name, run) => {
    const results: Float32Array[] = [];
    for (const backend of ['native', 'cpu'] as const) {
      await useEngine({ backend });
      results.push((await tf.tidy(run).data()) as Float32Array);
    }
    const [native, composite] = results as [Float32Array, Float32Array];
    native.forEach((value, i) => {
      const expected = composite[i] as number;
      const same = Object.is(value, expected) || Math.abs(value - expected) <= 1e-6 * Math.max(1, Math.abs(expected));
      if (!same && !(Number.isNaN(value) && Number.isNaN(expected))) expect.fail(`[${i}]: ${value}, ${expected}`);
    });
  });

  test('adamW, five updates of 40,001 values, with and without decay', async () => {
    const results: Float32Array[] = [];
    for (const backend of ['native', 'cpu'] as const) {
      await useEngine({ backend });
      for (const weightDecay of [0, 0.1]) {
        const [parameter, m, v] = [wave([40001], 1), tf.zeros([40001]), tf.zeros([40001])].map((x) => tf.variable(x));
        for (let t = 1; t <= 5; t++) {
          const update = { lr: 1e-2, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay, t };
          adamW(parameter as tf.Variable, wave([40001], t), { m, v } as { m: tf.Variable; v: tf.Variable }, update);
        }
        results.push((await (parameter as tf.Variable).data()) as Float32Array);
      }
    }
    const [native, nativeDecayed, plain, plainDecayed] = results as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    tf.test_util.expectArraysClose(native, plain, 1e-6);
    tf.test_util.expectArraysClose(nativeDecayed, plainDecayed, 1e-6);
    expect(nativeDecayed).not.toEqual(native);
  });

  test('an update is not seen by a clone taken before it', async () => {
    await useEngine({ backend: 'native' });
    const [parameter, m, v] = [1, 0, 0].map((x) => tf.variable(tf.fill([3], x))) as [
      tf.Variable,
      tf.Variable,
      tf.Variable,
    ];
    const before = parameter.clone();
    adamW(parameter, tf.ones([3]), { m, v }, { lr: 0.1, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, t: 1 });
    expect([...before.dataSync()]).toEqual([1, 1, 1]);
    expect(parameter.dataSync()[0]).toBeCloseTo(0.9, 5);
  });
});

describe('maxTokens', () => {
  test('takes a NaN for the largest, the first of equals for the gradient, and skips a text without tokens', async () => {
    await useEngine({ backend: 'native' });
    const batch = { inputIds: new Int32Array(4), offsets: Int32Array.of(0, 0, 3, 4) };
    const x = tf.tensor2d([1, Number.NaN, 5, 2, 5, -1, -7, 0], [4, 2]);
    const largest = maxTokens(x, batch);
    expect(largest.arraySync()).toEqual([
      [-Infinity, -Infinity],
      [5, Number.NaN],
      [-7, 0],
    ]);
    const dx = tf.grad((y) => tf.mul(maxTokens(y as tf.Tensor2D, batch), [[1], [2], [3]]))(x);
    expect([...dx.dataSync()]).toEqual([0, 2, 2, 0, 0, 0, 3, 3]);
  });
});

describe('poolTokens', () => {
  test('gives zeros for a text without tokens, and no gradient crosses to the next', async () => {
    await useEngine({ backend: 'native' });
    const batch = { inputIds: new Int32Array(3), offsets: Int32Array.of(0, 0, 2, 2, 3, 3) };
    const pool = (x: tf.Tensor) => poolTokens(x as tf.Tensor2D, Float32Array.of(1, 0, 2), batch);
    const x = tf.tensor2d([1, 2, Number.NaN, 4, 5, 6], [3, 2]); // weight 0: its NaN is not read
    expect(pool(x).arraySync()).toEqual([[0, 0], [1, 2], [0, 0], [10, 12], [0, 0]]); // biome-ignore format: rows
    const dx = tf.grad((y) => tf.mul(pool(y), tf.tensor2d([[1], [2], [3], [4], [5]])))(x);
    expect(dx.arraySync()).toEqual([[2, 2], [0, 0], [8, 8]]); // biome-ignore format: rows
  });

  test('of states in bf16 sums in fp32, and its gradient is bf16', async () => {
    await useEngine({ backend: 'native' });
    const lengths = [300, 200];
    const batch = textsOf(lengths);
    const ones = new Float32Array(500).fill(1);
    const identity = tf.eye(16);
    const inBf16 = <T>(work: () => T) => withPrecision('bf16', work);
    const states = (x: tf.Tensor) => inBf16(() => linear(x as tf.Tensor2D, identity));
    const pooled = (x: tf.Tensor) => inBf16(() => poolTokens(states(x), ones, batch));
    const sums = pooled(tf.ones([500, 16]));
    expect([...new Set(sums.dataSync())]).toEqual([300, 200]); // 300 is no sum of ones in bf16
    const dx = tf.grad(pooled)(tf.ones([500, 16]));
    expect([...new Set(dx.dataSync())]).toEqual([1]);
  });
});

describe('bf16', () => {
  test('linear rounds its factors and its result to bf16, and sums in fp32', async () => {
    await useEngine({ backend: 'native' });
    const x = tf.tensor2d([1 + 2 ** -9, 1], [1, 2]); // 1 + 2⁻⁹ is no bf16: it rounds to 1
    const [weight, bias] = [tf.tensor2d([256, 1], [1, 2]), tf.tensor1d([0])];
    const y = withPrecision('bf16', () => linear(x, weight, bias));
    const byColumns = withPrecision('bf16', () => linearByColumns(x, tf.reshape(weight, [2, 1]), bias));
    expect(byColumns.dataSync()[0]).toBe(256);
    expect(y.dataSync()[0]).toBe(256); // 257 lies between the bf16 neighbours 256 and 258: to even
    expect(linear(x, weight, bias).dataSync()[0]).toBe(257.5);
  });
});
