/** Worker threads with engines of their own, and the number of threads of one engine. */

import { execFileSync } from 'node:child_process';
import { Worker } from 'node:worker_threads';

import { expect, test } from 'vitest';

const index = new URL('../dist/index.js', import.meta.url).href;

/** Sums a product of two matrices and a layer's worth of kernels, `rounds` times over. */
const PROGRAM = `
  const { registerNativeBackend } = await import(${JSON.stringify(index)});
  const tf = (await import('@tensorflow/tfjs')).default;
  await registerNativeBackend();
  await tf.setBackend('native');
  const sums = [];
  for (let round = 0; round < 20; round++) {
    const a = tf.tensor2d(Float32Array.from({ length: 200 * 64 }, (_, i) => Math.sin(i + round)), [200, 64]);
    sums.push(tf.tidy(() => tf.sum(tf.square(tf.matMul(a, a, false, true))).dataSync()[0]));
    a.dispose();
  }
`;

function inWorker(): Promise<number[]> {
  const source = `const { parentPort } = await import('node:worker_threads'); ${PROGRAM} parentPort.postMessage(sums);`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(resolved(source))}`));
  return new Promise((resolve, reject) => {
    worker.once('message', resolve).once('error', reject);
  });
}

/** A module made of text finds packages by their full address only. */
function resolved(source: string): string {
  return source.replace("'@tensorflow/tfjs'", JSON.stringify(import.meta.resolve('@tensorflow/tfjs')));
}

function inProcess(threads: number): number[] {
  const source = `${PROGRAM} console.log(JSON.stringify(sums));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', resolved(source)], {
    encoding: 'utf8',
    env: { ...process.env, UNIEM_NUM_THREADS: String(threads) },
  });
  return JSON.parse(output);
}

test('two worker threads compute at once what one process computes', async () => {
  const alone = inProcess(2);
  const [first, second] = await Promise.all([inWorker(), inWorker()]);
  expect(first).toEqual(alone);
  expect(second).toEqual(alone);
});

test('one, two and three threads agree', () => {
  const [one, two, three] = [1, 2, 3].map(inProcess) as [number[], number[], number[]];
  for (const other of [two, three]) {
    one.forEach((value, i) => {
      expect(Math.abs((other[i] as number) - value) / value).toBeLessThan(1e-6);
    });
  }
});

test('a number of threads that is none is refused', () => {
  const source = `const { registerNativeBackend } = await import(${JSON.stringify(index)}); await registerNativeBackend();`;
  const run = () =>
    execFileSync(process.execPath, ['--input-type=module', '-e', source], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, UNIEM_NUM_THREADS: 'all' },
    });
  expect(run).toThrow(/NativeError: engine native: UNIEM_NUM_THREADS is 'all'\n\s+fix: give a whole number above 0/);
});
