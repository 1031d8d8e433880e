/** Which engine is taken, in a process of its own each, and what it says on stderr. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, expect, test } from 'vitest';

const here = fileURLToPath(new URL('.', import.meta.url));
const tiny = fileURLToPath(new URL('../../../../fixtures/tiny-bert/model', import.meta.url));
const empty = mkdtempSync(join(tmpdir(), 'uniem-cache-'));
afterAll(() => rmSync(empty, { recursive: true }));

function run(script: string, env: NodeJS.ProcessEnv = {}) {
  const imports = `
    import * as tf from '@tensorflow/tfjs-core';
    import { Embedder, useEngine } from '@uniem/core';`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', imports + script], {
    cwd: here,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { stdout, stderr };
}

const ENCODE = `
  const embedder = await Embedder.fromPretrained(${JSON.stringify(tiny)});
  const [vector] = await embedder.encode(['the cat']);
  console.log(tf.getBackend(), vector.length);`;

test.each(['native', 'tensorflow', 'wasm', 'cpu'])('engine %s says nothing', (backend) => {
  const script = `console.log(await useEngine({ backend: '${backend}' }));${ENCODE}`;
  expect(run(script)).toEqual({ stdout: `${backend}\n${backend} 32\n`, stderr: '' });
});

test('an Embedder starts the fastest engine where none was chosen', () => {
  expect(run(ENCODE)).toEqual({ stdout: 'native 32\n', stderr: '' });
});

test("an Embedder keeps the engine that TF.js's own call chose", () => {
  expect(run(`await import('@tensorflow/tfjs-backend-cpu'); await tf.setBackend('cpu');${ENCODE}`).stdout).toBe(
    'cpu 32\n',
  );
});

test('with no engine set up, auto takes wasm and says how slow it is and what to do', () => {
  const { stdout, stderr } = run(ENCODE, { UNIEM_CACHE: empty });
  expect(stdout).toBe('wasm 32\n');
  const [warning, native, ...rest] = stderr.split('\n');
  expect(warning).toBe("warning: computing on TF.js's wasm engine, about 50 times slower than native");
  expect(native).toMatch(/^ {2}engine native: no addon for /);
  expect(rest).toEqual(['  engine tensorflow: not set up', '  fix: run `uniem setup native`', '']);
});

test('an engine asked for by name that is not set up is an error', () => {
  const script = `await useEngine({ backend: 'tensorflow' }).catch(({ message }) => console.log(message));`;
  expect(run(script, { UNIEM_CACHE: empty }).stdout).toBe(
    'engine tensorflow: not set up\n  fix: run: uniem setup tensorflow\n',
  );
});

test('a precision that an engine lacks is an error', () => {
  const script = `
    await useEngine({ backend: 'cpu' });
    const opened = Embedder.fromPretrained(${JSON.stringify(tiny)}, { precision: 'bf16' });
    await opened.catch(({ message }) => console.log(message));`;
  expect(run(script).stdout).toBe('engine cpu: has no precision bf16\n  fix: use backend native, or precision fp32\n');
});
