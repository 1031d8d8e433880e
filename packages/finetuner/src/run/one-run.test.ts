/** One run a model and a folder at a time; what a model is after dispose(), and after a run that left the numbers. */

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import * as tf from '@tensorflow/tfjs-core';
import { downloadParameters } from '@uniem/core';
import { afterAll, beforeEach, expect, test } from 'vitest';
import type { FinetuneOptions } from '../options.ts';
import { FineTuner } from './finetuner.ts';

const tiny = fileURLToPath(new URL('../../../../fixtures/tiny-bert/model', import.meta.url));
const command = fileURLToPath(new URL('../../../cli/bin/uniem.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-one-run-'));
afterAll(() => rmSync(folder, { recursive: true }));

let outputDir: string;
beforeEach(() => {
  outputDir = mkdtempSync(join(folder, 'run-'));
});

const pairs = ['cat', 'dog', 'mat', 'end'].map((word) => ({ text: `the ${word}`, text_pos: `${word} sat` }));
const open = () => FineTuner.fromPretrained(tiny, { dataset: pairs, backend: 'native' });
const options: FinetuneOptions = { batchSize: 2, epochs: 2, lr: 1e-3, logInterval: 1 };

test('a second run of a FineTuner is an error at once, and the first goes on', async () => {
  const fineTuner = await open();
  const first = fineTuner.run({ ...options, outputDir });
  const second = fineTuner.run({ ...options, outputDir: join(folder, 'second') });
  await expect(second).rejects.toThrow(
    'run: a run of this FineTuner is under way\n  fix: await it, or open the model once more',
  );
  expect(existsSync(join(folder, 'second'))).toBe(false);
  expect((await first).steps).toBe(4);
  expect((await fineTuner.run({ ...options, outputDir })).steps).toBe(4);
});

test('a second run into a folder is refused before it changes anything there', async () => {
  const [one, other] = [await open(), await open()];
  let refused: Promise<unknown> | undefined;
  const onStep = async ({ step }: { step: number }) => {
    if (step !== 2) return;
    refused = other.run({ ...options, outputDir });
    await expect(refused).rejects.toThrow(
      /^outputDir .*: this process has been running into this folder since .*Z\n {2}fix: give another folder, or wait/,
    );
  };
  const { metricsFile } = await one.run({ ...options, outputDir }, { onStep });
  expect(refused).toBeDefined();
  const steps = readFileSync(metricsFile, 'utf8').match(/"step":\d+/g);
  expect(steps).toEqual([1, 2, 3, 4].map((step) => `"step":${step}`));
  expect(readdirSync(outputDir).sort()).toEqual(['metrics.jsonl', 'model', 'report.html']);
});

test('of two processes the second names the first; one that was killed is gone on from', async () => {
  const data = join(folder, 'pairs.jsonl');
  writeFileSync(data, pairs.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const run = (...more: string[]) => [
    ...[command, 'finetune', '--model', tiny, '--data', data, '--output-dir', outputDir, '--batch-size', '2'],
    ...['--lr', '1e-3', '--save-steps', '1', '--backend', 'native', ...more],
  ];
  const first = spawn(process.execPath, run('--epochs', '1000000'), { stdio: 'ignore' });
  while (!existsSync(join(outputDir, 'checkpoints'))) await new Promise((done) => setTimeout(done, 20));
  const uniem = promisify(execFile);
  await expect(uniem(process.execPath, run('--epochs', '1'))).rejects.toThrow(
    new RegExp(`OptionError: outputDir .*: process ${first.pid} has been running into this folder since .*Z`),
  );
  const ended = once(first, 'exit');
  first.kill('SIGKILL');
  await ended;
  expect(readdirSync(outputDir)).not.toContain('model');
  const { stdout } = await uniem(process.execPath, run('--max-steps', '3'));
  expect(stdout).toBe(`${join(outputDir, 'model')}\n`);
  expect(readdirSync(outputDir).filter((name) => name.startsWith('.'))).toEqual([]);
});

test('a FineTuner whose model was disposed of says so', async () => {
  const fineTuner = await open();
  fineTuner.embedder.dispose();
  await expect(fineTuner.run({ ...options, outputDir })).rejects.toThrow(
    `${tiny}: the model was disposed of: dispose() freed its parameters`,
  );
  expect(readdirSync(outputDir)).toEqual([]);
});

test.each<FinetuneOptions>([
  { strategy: 'full' },
  { strategy: 'bitfit' },
  { strategy: 'lora' },
  { strategy: 'prefix', prefixTokens: ['[x]'] },
])(
  'after a run of %j that left the numbers, the weights are those from before, and the next run trains',
  async (given) => {
    const fineTuner = await open();
    const { embedder } = fineTuner;
    const values = async () =>
      [...(await downloadParameters(embedder.parameters))].map(([name, { values }]) => [name, [...values]]);
    await fineTuner.run({ ...options, epochs: 1, outputDir }); // from before is not what the folder holds
    const before = await values();
    const tensors = tf.memory().numTensors;
    const spoiled = fineTuner.run({ ...options, ...given, lr: 1e30, epochs: 9, outputDir, saveSteps: 1 });
    await expect(spoiled).rejects.toThrow(
      /checkpoints stay, the weights in memory are those from before the run\n {2}fix: look at/,
    );
    expect(tf.memory().numTensors).toBe(tensors);
    expect(await values()).toEqual(before);
    expect(readdirSync(outputDir).filter((name) => name.startsWith('.'))).toEqual([]);
    const { steps } = await fineTuner.run({ ...options, ...given, outputDir });
    expect(steps).toBe(4);
    embedder.dispose();
  },
);
