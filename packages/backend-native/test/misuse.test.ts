/** Bad use of the native engine is a JavaScript error that says what was asked; nothing leaks, the process lives on. */

import { execFileSync } from 'node:child_process';
import { freemem, totalmem } from 'node:os';

import * as tf from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, test } from 'vitest';

import { type NativeBackend, registerNativeBackend } from '../src/index.ts';

beforeEach(async () => {
  await registerNativeBackend();
  await tf.setBackend('native');
});

const native = () => tf.backend() as NativeBackend;
const run = (name: string, inputs: Record<string, tf.Tensor>, attributes: object = {}) =>
  tf.engine().runKernel(name, inputs, attributes as tf.NamedAttrMap);
const ones = (...shape: number[]) => tf.ones(shape);
const ids = (...values: number[]) => tf.tensor1d(values, 'int32');

describe('shapes that disagree', () => {
  test.each([
    ['matMul', () => tf.matMul(ones(2, 3), ones(4, 5)), /inner shapes \(3\) and \(4\)/],
    ['add', () => tf.add(ones(2, 3), ones(4)), /could not be broadcast/],
    ['concat', () => tf.concat([ones(2, 3), ones(2, 4)], 0), /Shape of tensors\[1\]/],
    ['slice', () => tf.slice(ones(2, 3), [1, 0], [2, 3]), /begin\[0\] \+ size\[0\]/],
    ['split', () => tf.split(ones(2, 3), [1, 1], 1), /sum of sizes must match/],
    ['Linear', () => run('Linear', { x: ones(2, 3), weight: ones(5, 4) }), /MatMul: a is not|MatMul: b is not/],
    [
      'LayerNorm',
      () => run('LayerNorm', { x: ones(2, 3), weight: ones(4), bias: ones(4) }, { eps: 1e-5 }),
      /LayerNorm:/,
    ],
    ['RmsNorm', () => run('RmsNorm', { x: ones(2, 3), weight: ones(4) }, { eps: 1e-5 }), /RmsNorm: sizes disagree/],
    ['CoSent', () => run('CoSent', { scores: ones(3), labels: ones(4) }), /CoSent: sizes disagree/],
    ['InBatchSoftmax', () => run('InBatchSoftmax', { scores: ones(3, 2) }), /InBatchSoftmax: sizes disagree/],
    [
      'AdamW',
      () => run('AdamW', { parameter: ones(3), gradient: ones(4), m: ones(3), v: ones(3) }, { beta1: 0, beta2: 0 }),
      /AdamW: sizes disagree/,
    ],
    [
      'Attention',
      () =>
        run(
          'Attention',
          { q: ones(4, 6), k: ones(4, 6), v: ones(4, 6), offsets: ids(0, 9) },
          { heads: 2, kvHeads: 2, scale: 1, causal: false, window: 0, dropoutKey: 0, dropoutProbability: 0 },
        ),
      /Attention: /,
    ],
  ] as [string, () => unknown, RegExp][])('%s, and nothing is left of it', (_name, use, message) => {
    const buffers = native().numDataIds();
    expect(() => tf.tidy(() => void use())).toThrow(message);
    expect(native().numDataIds()).toBe(buffers);
  });
});

/** AddressSanitizer keeps what is freed. */
const SANITIZED = process.env.ASAN_OPTIONS !== undefined;

describe('memory', () => {
  test.each([2 ** 50, 2 ** 53, 2 ** 62])(
    'asking for %i values names the bytes and leaves the engine working',
    (size) => {
      const tensors = tf.memory().numTensors;
      expect(() => native().empty([size])).toThrow(`out of memory: ${size * 4} bytes asked`);
      expect(tf.memory().numTensors).toBe(tensors);
      expect(tf.add(1, 2).dataSync()[0]).toBe(3);
    },
  );

  test('asking for more than is free, though the machine has it, says so before the system ends the process', () => {
    const values = Math.floor((freemem() + totalmem()) / 2 / 4);
    let error: unknown;
    try {
      native().empty([values]);
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({
      name: 'NativeError',
      code: 'ERR_OUT_OF_MEMORY',
      message: expect.stringMatching(/bytes asked, \d+ available\n {2}fix: make the batch smaller, or set gradientC/),
    });
  });

  test.skipIf(SANITIZED)('blocks that wait are given to the system at once, and their arrays are empty', () => {
    const { pool } = native();
    const blocks = [1, 2, 3].map((i) => pool.take(i * 2 ** 26));
    const resident = () => process.memoryUsage.rss();
    for (const block of blocks) new Uint8Array(block).fill(1);
    const before = resident();
    for (const block of blocks) pool.give(block);
    pool.clear();
    expect(before - resident()).toBeGreaterThan(5 * 2 ** 26);
    expect(blocks.map(({ byteLength }) => byteLength)).toEqual([0, 0, 0]);
    expect(pool.idleBytes).toBe(0);
  });

  test.skipIf(SANITIZED)('products of ever new shapes stop taking memory', () => {
    const { binding } = native();
    const [a, b, c] = [new Float32Array(3000 * 16), new Float32Array(16 * 16), new Float32Array(3000 * 16)];
    const resident: number[] = [];
    for (let M = 1; M <= 3000; M++) {
      binding.MatMul(a.subarray(0, M * 16), b, c.subarray(0, M * 16), M, 16, 16, 0, 1, 1, null);
      if (M % 1000 === 0) resident.push(process.memoryUsage.rss() / 2 ** 20);
    }
    const [first, , third] = resident as [number, number, number];
    expect(third - first).toBeLessThan(20); // two thousand kept would be 240 MB with AVX-512, 30 with AVX2
  });

  test('an operation without the memory for its result leaks no tensor', () => {
    const row = tf.zeros([1, 3_000_000]);
    const column = tf.zeros([3_000_000, 1]);
    const { numTensors, numDataBuffers } = tf.memory();
    const buffers = native().numDataIds();
    expect(() => tf.tidy(() => tf.add(row, column))).toThrow('out of memory: 36000000000000 bytes asked, ');
    expect(() => tf.tidy(() => tf.matMul(column, row))).toThrow('out of memory: 36000000000000 bytes asked, ');
    expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers });
    expect(native().numDataIds()).toBe(buffers);
    tf.dispose([row, column]);
  });
});

test('a tensor used after it was disposed', () => {
  const tensor = ones(3);
  tensor.dispose();
  const message = 'engine native: a tensor was used after it was disposed\n  fix: dispose it later';
  expect(() => tf.add(tensor, 1)).toThrow(message);
  expect(() => run('Gelu', { x: tensor })).toThrow(message);
});

describe('an index out of range', () => {
  test.each([-1, 4, 2 ** 31 - 1, -(2 ** 31)])('%i of 4 rows', (index) => {
    const message = `the index value ${index} is not in [0, 3]`;
    expect(() => run('Embedding', { table: ones(4, 3), indices: ids(1, index) })).toThrow(`Gather: ${message}`);
    expect(() => run('EmbeddingGrad', { dy: ones(2, 3), indices: ids(1, index) }, { rows: 4 })).toThrow(
      `ScatterAdd: ${message}`,
    );
    expect(() => tf.gather(ones(4, 3), ids(1, index))).toThrow(message);
  });
});

describe('engines', () => {
  test('two in one process pass tensors to each other', async () => {
    const first = tf.add(ones(5), 1);
    await tf.setBackend('cpu');
    const both = tf.add(first, ones(5));
    await tf.setBackend('native');
    expect([...tf.sub(both, first).dataSync()]).toEqual([1, 1, 1, 1, 1]);
    expect([...both.dataSync()]).toEqual([3, 3, 3, 3, 3]);
  });

  test('one that was removed can be registered again', async () => {
    tf.removeBackend('native');
    await registerNativeBackend();
    expect(await tf.setBackend('native')).toBe(true);
    expect([...tf.matMul(ones(1, 2), ones(2, 1)).dataSync()]).toEqual([2]);
  });
});

describe('the environment', () => {
  const index = new URL('../dist/index.js', import.meta.url).href;
  const inProcess = (env: Record<string, string>, program: string) => () =>
    execFileSync(
      process.execPath,
      [
        ...['--input-type=module', '-e'],
        `const { registerNativeBackend, requireBf16 } = await import(${JSON.stringify(index)});
         const tf = (await import(${JSON.stringify(import.meta.resolve('@tensorflow/tfjs-core'))})).default;
         await registerNativeBackend(); await tf.setBackend('native'); ${program}`,
      ],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } },
    );

  test.each(['all', '0', '1.5', '100000'])('UNIEM_NUM_THREADS=%s is refused', (threads) => {
    expect(inProcess({ UNIEM_NUM_THREADS: threads }, '')).toThrow(
      new RegExp(
        `NativeError: engine native: UNIEM_NUM_THREADS is '${threads}'\n\\s+fix: give a whole number from 1 to`,
      ),
    );
  });

  test('UNIEM_MEMORY_LIMIT bounds the tensors, and what is freed can be taken again', () => {
    const program = `
      const ones = tf.ones([1, 1000]);
      const make = () => tf.tile(ones, [1000, 1]);
      for (let i = 0; i < 5; i++) make().dispose();
      const held = [make(), make()];
      try { make(); } catch ({ code, message }) { console.log(code, message); }
      held.pop().dispose();
      console.log(make().shape.join());`;
    expect(inProcess({ UNIEM_MEMORY_LIMIT: '11000000' }, program)()).toMatch(
      /^ERR_OUT_OF_MEMORY engine native: out of memory: 4000000 bytes asked, \d+ available, UNIEM_MEMORY_LIMIT is 11000000\n {2}fix: make the batch smaller, or set gradientCheckpointing\n1000,1000\n$/,
    );
    expect(inProcess({ UNIEM_MEMORY_LIMIT: '1 GB' }, '')).toThrow(
      /UNIEM_MEMORY_LIMIT is '1 GB'\n\s+fix: give a number of bytes above 0/,
    );
  });

  test('scratch counts towards UNIEM_MEMORY_LIMIT: idle blocks make room for it, and where there is none it is an error', () => {
    // A text of 2,000 tokens, 16 wide: 128 kB a tensor, 750 kB of scratch a thread.
    const program = `
      const attend = (L) => {
        const x = tf.tidy(() => tf.tile(tf.ones([1, 16]), [L, 1]));
        const offsets = tf.tensor1d([0, L], 'int32');
        const options = { heads: 1, kvHeads: 1, scale: 1, causal: false, window: 0, dropoutKey: 0, dropoutProbability: 0 };
        const made = tf.engine().runKernel('Attention', { q: x, k: x, v: x, offsets }, options);
        console.log(made[0].dataSync().every((value) => Math.abs(value - 1) < 1e-3));
        tf.dispose([x, offsets, ...made]);
      };
      tf.tile(tf.ones([1, 1000]), [170, 1]).dispose(); // 680 kB wait
      try { attend(2000); } catch ({ code, message }) { console.log(code, message); }
      attend(50);`;
    expect(inProcess({ UNIEM_MEMORY_LIMIT: '1300000' }, program)()).toBe('true\ntrue\n');
    expect(inProcess({ UNIEM_MEMORY_LIMIT: '900000' }, program)()).toMatch(
      /^ERR_OUT_OF_MEMORY engine native: Attention: out of memory, \d+ available, UNIEM_MEMORY_LIMIT is 900000\n {2}fix: make the batch smaller, or set gradientCheckpointing\ntrue\n$/,
    );
  });

  test('bf16 where the processor has none of it is refused', () => {
    expect(inProcess({ ONEDNN_MAX_CPU_ISA: 'AVX2', UNIEM_EMULATE_BF16: '' }, 'requireBf16();')).toThrow(
      /NativeError: engine native: this processor has no bf16 matrix products\n\s+fix: use precision fp32/,
    );
  });
});
