/** The engine as a user meets it: right numbers, no line of TensorFlow's or Node's, and words where it is not there. */

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { BINDING_ADDON, engineFolder } from './cache.ts';
import { registerTensorflowBackend } from './register.ts';

const folder = mkdtempSync(join(tmpdir(), 'uniem-tensorflow-'));
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(async () => {
  await registerTensorflowBackend();
});

const packageFolder = fileURLToPath(new URL('..', import.meta.url));

/** Runs a script beside the built package, in a process of its own. */
function run(script: string, env: NodeJS.ProcessEnv = {}) {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: packageFolder,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { stdout, stderr };
}

const PRINT_ERROR = ".catch(({ name, message }) => console.log([name, message].join(': ')));";
const REGISTER = `
  import { registerTensorflowBackend } from '@uniem/backend-tensorflow';
  await registerTensorflowBackend()${PRINT_ERROR}`;
const SET_UP = `
  import { setupTensorflow } from '@uniem/backend-tensorflow';
  await setupTensorflow()${PRINT_ERROR}`;

describe('the engine', () => {
  const values = (size: number, seed: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(i * seed));
  const on = async (backend: string, make: () => tf.Tensor) => {
    await tf.setBackend(backend);
    tf.enableProdMode(); // engine cpu advises on stderr to install tfjs-node
    return tf.tidy(() => make().dataSync());
  };

  test.each<[string, () => tf.Tensor]>([
    ['matMul', () => tf.matMul(tf.tensor2d(values(33 * 65, 1), [33, 65]), tf.tensor2d(values(65 * 17, 2), [65, 17]))],
    [
      'the gradient of gather, where an index comes twice',
      () => {
        const weights = tf.tensor2d(values(5 * 3, 3), [5, 3]);
        const gathered = (table: tf.Tensor) => tf.mul(tf.gather(table, tf.tensor1d([3, 0, 3, 6, 1], 'int32')), weights);
        return tf.grad(gathered)(tf.tensor2d(values(7 * 3, 4), [7, 3]));
      },
    ],
    ['erf', () => tf.erf(tf.tensor1d(values(100, 5)))],
    ['softmax', () => tf.softmax(tf.tensor2d(values(60, 6), [4, 15]))],
  ])("gives what TF.js's cpu engine gives: %s", async (_, make) => {
    const expected = await on('cpu', make);
    const actual = await on('tensorflow', make);
    tf.test_util.expectArraysClose(actual, expected, 1e-5);
  });

  test('starts and computes without a line on stderr', () => {
    const script = `
      import * as tf from '@tensorflow/tfjs-core';
      import { registerTensorflowBackend } from '@uniem/backend-tensorflow';
      await registerTensorflowBackend();
      await tf.setBackend('tensorflow');
      console.log(tf.matMul([[1, 2]], [[3], [4]]).dataSync()[0], tf.topk([1, 3, 2], 1).values.dataSync()[0]);`;
    expect(run(script)).toEqual({ stdout: '11 3\n', stderr: '' });
  });
});

describe('where it is not set up', () => {
  test('the error says how to set it up', () => {
    expect(run(REGISTER, { UNIEM_CACHE: join(folder, 'empty') })).toEqual({
      stdout: 'TensorflowError: engine tensorflow: not set up\n  fix: run: uniem setup tensorflow\n',
      stderr: '',
    });
  });

  test('a half-finished set-up is not used', () => {
    const cache = join(folder, 'half');
    const partial = join(cache, `${basename(engineFolder())}.partial-1-abc`);
    cpSync(engineFolder(), partial, { recursive: true, filter: (path) => !path.includes('libtensorflow') });
    expect(readdirSync(partial)).toContain(BINDING_ADDON);
    expect(run(REGISTER, { UNIEM_CACHE: cache }).stdout).toContain('engine tensorflow: not set up');
  });

  test('a build that does not load is named', () => {
    const cache = join(folder, 'broken');
    const broken = join(cache, basename(engineFolder()));
    cpSync(engineFolder(), broken, { recursive: true, filter: (path) => !path.includes('libtensorflow') });
    const { stdout } = run(REGISTER, { UNIEM_CACHE: cache });
    expect(stdout).toContain(`TensorflowError: engine tensorflow: ${join(broken, BINDING_ADDON)} does not load (lib`);
    expect(stdout).toContain('\n  fix: delete its folder, then run: uniem setup tensorflow\n');
  });
});

describe('an installed package of TF.js', () => {
  test('whose binding does not load is passed over', () => {
    const root = join(folder, 'installed');
    const modules = join(root, 'node_modules');
    cpSync(join(packageFolder, 'dist'), join(modules, '@uniem', 'backend-tensorflow', 'dist'), { recursive: true });
    cpSync(join(packageFolder, 'package.json'), join(modules, '@uniem', 'backend-tensorflow', 'package.json'));
    const gpu = join(modules, '@tensorflow', 'tfjs-node-gpu');
    mkdirSync(join(gpu, 'lib', 'napi-v8'), { recursive: true });
    writeFileSync(join(gpu, 'package.json'), '{}');
    writeFileSync(join(gpu, 'lib', 'napi-v8', 'tfjs_binding.node'), 'not a library');
    for (const name of ['@tensorflow/tfjs-core', '@tensorflow/tfjs-node', '@uniem/engine-setup']) {
      symlinkSync(join(packageFolder, 'node_modules', name), join(modules, name));
    }
    const script = `
      import { registerTensorflowBackend } from './node_modules/@uniem/backend-tensorflow/dist/index.js';
      console.log((await registerTensorflowBackend()).source);`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(stdout).toBe(`${engineFolder()}\n`);
  });
});

describe('the set-up', () => {
  /** A folder of executables, to be all of PATH. */
  function pathOf(name: string, tools: Record<string, string>): string {
    const path = join(folder, name);
    mkdirSync(path);
    for (const [tool, script] of Object.entries(tools)) writeFileSync(join(path, tool), script, { mode: 0o755 });
    return path;
  }
  const python = spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).stdout.trim();
  const real = `#!/bin/sh\nexec "${python}" "$@"\n`;
  const withoutPip = `#!/bin/sh\nexec "${python}" -S "$@"\n`; // no site-packages, so no pip

  test.each<[string, Record<string, string>, string]>([
    ['python3', {}, 'python3 --version does not work here\n  fix: run: apt-get install python3\n'],
    [
      'pip',
      { python3: withoutPip },
      'python3 -m pip --version does not work here\n  fix: run: apt-get install python3-pip\n',
    ],
    ['g++', { python3: real }, 'g++ --version does not work here\n  fix: run: apt-get install g++\n'],
  ])('names a missing %s and the command that brings it', (tool, tools, text) => {
    const cache = join(folder, `no-${tool}-cache`);
    const env = { UNIEM_CACHE: cache, PATH: pathOf(`no-${tool}`, tools) };
    expect(run(SET_UP, env)).toEqual({ stdout: `TensorflowError: engine tensorflow: ${text}`, stderr: '' });
  });

  test('starts over after one that was killed, and leaves nothing where it fails', () => {
    const cache = join(folder, 'killed');
    const { pid } = spawnSync('true'); // a process that is no more
    mkdirSync(join(cache, `${basename(engineFolder())}.partial-${pid}-abc`), { recursive: true });
    const { stdout } = run(SET_UP, { UNIEM_CACHE: cache, PIP_NO_INDEX: '1' }); // pip finds no package anywhere
    expect(stdout).toContain('TensorflowError: engine tensorflow: pip download failed: ERROR: ');
    expect(stdout).toContain('\n  fix: check the network and pip\n');
    expect(readdirSync(cache)).toEqual([]);
  });

  test('clears a folder that has lost its binding, which could not be renamed over', () => {
    const cache = join(folder, 'damaged');
    const damaged = join(cache, basename(engineFolder()));
    mkdirSync(damaged, { recursive: true });
    writeFileSync(join(damaged, 'libtensorflow_cc.so.2'), '');
    run(SET_UP, { UNIEM_CACHE: cache, PIP_NO_INDEX: '1' });
    expect(readdirSync(cache)).toEqual([]);
  });
});
