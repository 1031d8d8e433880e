/** Worker threads with engines of their own, and the number of threads of one engine. */

import { execFileSync } from 'node:child_process';
import { Worker } from 'node:worker_threads';

import { expect, test } from 'vitest';

const index = new URL('../dist/index.js', import.meta.url).href;

/** Sums a product of two matrices and a layer's worth of kernels, `rounds` times over. */
const PROGRAM = `
  const { registerNativeBackend } = await import(${JSON.stringify(index)});
  const tf = (await import('@tensorflow/tfjs-core')).default;
  await registerNativeBackend();
  await tf.setBackend('native');
  const sums = [];
  for (let round = 0; round < 20; round++) {
    const a = tf.tensor2d(Float32Array.from({ length: 200 * 64 }, (_, i) => Math.sin(i + round)), [200, 64]);
    sums.push(tf.tidy(() => tf.sum(tf.square(tf.matMul(a, a, false, true))).dataSync()[0]));
    a.dispose();
  }
`;

function workerOf(program: string): Worker {
  const source = `const { parentPort } = await import('node:worker_threads'); ${program}`;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(resolved(source))}`), { execArgv: [] }); // the built packages, not vitest's sources
}

function inWorker(program = `${PROGRAM} parentPort.postMessage(sums);`): Promise<number[]> {
  const worker = workerOf(program);
  return new Promise((resolve, reject) => {
    worker.once('message', resolve).once('error', reject);
  });
}

/** A module made of text finds packages by their full address only. */
function resolved(source: string): string {
  return source.replace("'@tensorflow/tfjs-core'", JSON.stringify(import.meta.resolve('@tensorflow/tfjs-core')));
}

/** Kernels whose sums run over rows: the values themselves, which no number of threads may change by a bit. */
const SUMS = `
  const wave = (...shape) => tf.reshape(tf.sin(tf.mul(tf.range(0, shape.reduce((a, b) => a * b)), 1.7)), shape);
  const run = (name, inputs, attributes) => [tf.engine().runKernel(name, inputs, attributes)].flat();
  const [x, dy, weight] = [wave(1000, 33), tf.add(wave(1000, 33), 0.3), wave(33)];
  const [, mean, inverse] = run('LayerNorm', { x, weight, bias: weight }, { eps: 1e-5 });
  const offsets = tf.tensor1d([0, 17, 17, 999, 1000], 'int32');
  const texts = { dout: x, q: x, k: dy, v: x, lse: wave(3, 1000), offsets };
  const bias = tf.zeros([3, 982, 982]);
  const attention = { heads: 3, kvHeads: 3, scale: 1, causal: true, window: 5, dropoutKey: 1, dropoutProbability: 0.5 };
  const results = [
    ...run('LayerNormGrad', { dy, sum: x, weight, mean, inverse }).slice(1),
    ...run('RmsNormGrad', { dy, x, weight, inverse }).slice(1),
    ...run('ColumnSum', { x }),
    ...run('EmbeddingGrad', { dy, indices: tf.mod(tf.range(0, 1000, 1, 'int32'), tf.scalar(7, 'int32')) }, { rows: 7 }),
    tf.sum(x, 1),
    tf.sum(tf.abs(run('AttentionBiasGrad', { ...texts, bias }, attention)[0]), [1, 2]),
  ];
  sums.push(...results.flatMap((tensor) => [...tensor.dataSync()]));
`;

function inProcess(threads: number, program = PROGRAM, env: Record<string, string> = {}): number[] {
  const source = `${program} console.log(JSON.stringify(sums));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', resolved(source)], {
    encoding: 'utf8',
    env: { ...process.env, ...env, UNIEM_NUM_THREADS: String(threads) },
  });
  return JSON.parse(output);
}

test('two worker threads compute at once what one process computes', async () => {
  const alone = inProcess(2);
  const [first, second] = await Promise.all([inWorker(), inWorker()]);
  expect(first).toEqual(alone);
  expect(second).toEqual(alone);
});

test('a worker that errs or is ended while it computes leaves the others and the process alone', async () => {
  const erring = `${PROGRAM} tf.matMul(tf.ones([2, 3]), tf.ones([4, 5]));`;
  await expect(inWorker(erring)).rejects.toThrow(/inner shapes/);
  const endless = workerOf(
    `${PROGRAM} parentPort.postMessage(sums); for (;;) tf.matMul(tf.ones([300, 300]), tf.ones([300, 300])).dispose();`,
  );
  await new Promise((resolve) => endless.once('message', resolve));
  expect(await endless.terminate()).toBe(1);
  expect(await inWorker()).toEqual(inProcess(2));
});

test('one, two and three threads agree', () => {
  const [one, two, three] = [1, 2, 3].map((threads) => inProcess(threads)) as [number[], number[], number[]];
  for (const other of [two, three]) {
    one.forEach((value, i) => {
      expect(Math.abs((other[i] as number) - value) / value).toBeLessThan(1e-6);
    });
  }
});

test('sums over rows are the same to the last bit for one, two and three threads', () => {
  const [one, two, three] = [1, 2, 3].map((threads) => inProcess(threads, PROGRAM + SUMS).slice(20));
  expect(one?.length).toBe(4 * 33 + 7 * 33 + 1000 + 3);
  expect(two).toEqual(one);
  expect(three).toEqual(one);
});

test('the kernels for AVX2 give what those for AVX-512 give, to rounding', () => {
  const program = `${PROGRAM} ${SUMS} sums.unshift((await registerNativeBackend()).instructionSet);`;
  const [widest, ...expected] = inProcess(2, program);
  const [instructionSet, ...actual] = inProcess(2, program, { ONEDNN_MAX_CPU_ISA: 'AVX2' });
  expect(instructionSet).toBe('avx2');
  expect(['avx2', 'avx512']).toContain(widest);
  actual.forEach((value, i) => {
    const other = expected[i] as number;
    if (!(Math.abs(value - other) <= 2e-6 * Math.max(1, Math.abs(other)))) expect.fail(`[${i}]: ${value}, ${other}`);
  });
});
