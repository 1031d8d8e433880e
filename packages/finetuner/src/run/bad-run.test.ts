/** What becomes of a run that goes wrong on its way. */

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import * as tf from '@tensorflow/tfjs-core';
import { loadDataset } from '@uniem/data';
import { afterAll, beforeEach, expect, test } from 'vitest';

import { FineTuner, type FineTunerOptions } from './finetuner.ts';

const tiny = fileURLToPath(new URL('../../../../fixtures/tiny-bert/model', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-bad-run-'));
afterAll(() => rmSync(folder, { recursive: true }));

let outputDir: string;
beforeEach(() => {
  outputDir = mkdtempSync(join(folder, 'run-'));
});

const pairs = ['cat', 'dog', 'mat', 'end'].map((word) => ({ text: `the ${word}`, text_pos: `${word} sat` }));
const open = (dataset: FineTunerOptions['dataset'] = pairs) =>
  FineTuner.fromPretrained(tiny, { dataset, backend: 'native' });
const listed = () => readdirSync(outputDir).sort();

test('a loss that is no number names step and records; the checkpoint before it stays, the model is not saved', async () => {
  const path = join(folder, 'pairs.jsonl');
  writeFileSync(path, pairs.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const fineTuner = await open(await loadDataset(path, { split: 'train' }));
  const options = { outputDir, batchSize: 4, epochs: 3, shuffle: false, dropout: 0, saveSteps: 1 };
  const tensors = tf.memory().numTensors;
  await expect(fineTuner.run({ ...options, lr: 1e30 })).rejects.toThrow(
    `run: the loss is NaN at step 2, a step of 4 records (${path}:1, ${path}:2, ${path}:3, …); no model is saved, ` +
      'checkpoints stay, the weights in memory are those from before the run\n  fix: look at these records, lower lr, or raise temperature',
  );
  expect(tf.memory().numTensors).toBe(tensors);
  expect(listed()).toEqual(['checkpoints', 'metrics.jsonl']);
  expect(readdirSync(join(outputDir, 'checkpoints'))).toEqual(['step-1']);
});

test('weights that are no numbers are neither a checkpoint nor a model', async () => {
  const fineTuner = await open();
  const name = 'encoder.layer.1.output.dense.weight';
  const poison = ({ step }: { step: number }) => {
    const weight = fineTuner.embedder.parameters.get(name) as tf.Variable;
    if (step === 2) tf.tidy(() => weight.assign(tf.mul(weight, Number.NaN)));
  };
  const options = { outputDir, batchSize: 2, epochs: 1, lr: 1e-3, saveSteps: 1 };
  const message = `run: ${name} holds NaN or infinity after step 2, though the losses were numbers; no model is saved`;
  await expect(fineTuner.run(options, { onStep: poison })).rejects.toThrow(message);
  expect(readdirSync(join(outputDir, 'checkpoints'))).toEqual(['step-1']);
  expect(listed()).toEqual(['checkpoints', 'metrics.jsonl']);
});

test('a callback that throws ends the run with its own error; the run goes on from its checkpoint', async () => {
  const options = { outputDir, batchSize: 2, epochs: 2, lr: 1e-3, dropout: 0, saveSteps: 1 };
  const stop = new Error('mine');
  const fineTuner = await open();
  const tensors = tf.memory().numTensors;
  const onStep = ({ step }: { step: number }) => {
    if (step === 3) throw stop;
  };
  await expect(fineTuner.run(options, { onStep })).rejects.toBe(stop);
  expect(tf.memory().numTensors).toBe(tensors);
  expect(listed()).toEqual(['checkpoints', 'metrics.jsonl']);
  const { modelFolder } = await (await open()).run({ ...options, resume: true });
  const unbroken = mkdtempSync(join(folder, 'unbroken-'));
  const { modelFolder: expected } = await (await open()).run({ ...options, outputDir: unbroken });
  const weights = (model: string) => readFileSync(join(model, 'model.safetensors'));
  expect(weights(modelFolder).equals(weights(expected))).toBe(true);
});

test('lr 0 runs and changes nothing', async () => {
  const fineTuner = await open();
  const { modelFolder, steps } = await fineTuner.run({ outputDir, batchSize: 4, epochs: 2, lr: 0 });
  expect(steps).toBe(2);
  const weights = (model: string) => readFileSync(join(model, 'model.safetensors'));
  const before = mkdtempSync(join(folder, 'before-'));
  await (await open()).embedder.save(before);
  expect(weights(modelFolder).equals(weights(before))).toBe(true);
});

test('one record trains where its loss has a negative, and is refused where it has none', async () => {
  const [first] = pairs;
  const triplet = { ...first, text_neg: 'dogs run' };
  expect((await (await open([triplet])).run({ outputDir, epochs: 1, lr: 1e-3 })).steps).toBe(1);
  await expect((await open([first as (typeof pairs)[number]])).run({ outputDir, epochs: 1 })).rejects.toThrow(
    /^batchSize: no batch of \d+ can be made of the training set\n {2}fix: give more records/,
  );
});

test('a folder that cannot be written is named', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  await expect((await open()).run({ outputDir: join(file, 'run'), batchSize: 4, lr: 1e-3 })).rejects.toThrow(
    `${join(file, 'run')}: cannot be made (ENOTDIR: not a directory, mkdir '${join(file, 'run')}')\n  fix: give another`,
  );
});

/** A process of its own, since the limit on the size of its files holds for all that it does. */
const DISK_FULL = `
  import { execFileSync } from 'node:child_process';
  import { FineTuner } from '@uniem/finetuner';
  const [model, dataset, options] = process.argv.slice(1).map((text) => JSON.parse(text));
  const fineTuner = await FineTuner.fromPretrained(model, { dataset, backend: 'native' });
  const onStep = ({ step }) => {
    if (step === 2) execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=65536']);
  };
  await fineTuner.run(options, { onStep }).catch((error) => console.log(error.message));
`;

test('a disk that fills up inside a save leaves the checkpoint before it, from which the run goes on', async () => {
  const options = { outputDir, batchSize: 2, epochs: 2, lr: 1e-3, saveSteps: 1 };
  const args = [tiny, pairs, options].map((value) => JSON.stringify(value));
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', DISK_FULL, ...args], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
  });
  expect(stdout).toBe(
    `${join(outputDir, 'checkpoints', 'step-2')}: could not be saved (EFBIG: file too large, write)\n` +
      '  fix: free disk space or choose another folder; what was there before is unchanged\n',
  );
  expect(listed()).toEqual(['checkpoints', 'metrics.jsonl']);
  expect(readdirSync(join(outputDir, 'checkpoints'))).toEqual(['step-1']);
  expect((await (await open()).run({ ...options, resume: true })).steps).toBe(4);
});

test.skipIf(!existsSync('/dev/full'))('a tracker whose disk is full is left out, the run goes on', async () => {
  const { WeightsAndBiases } = await import('../trackers/wandb.ts');
  const { Trackers } = await import('../trackers/tracker.ts');
  const warnings: string[] = [];
  const trackers = new Trackers({ wandb: new WeightsAndBiases(outputDir) }, (text) => warnings.push(text));
  await trackers.start({}, 0);
  const [run] = readdirSync(outputDir) as [string];
  const [file] = readdirSync(join(outputDir, run)) as [string];
  rmSync(join(outputDir, run, file));
  symlinkSync('/dev/full', join(outputDir, run, file));
  for (const step of [1, 2, 3]) await trackers.log({ loss: 1 }, step);
  await trackers.end('finished');
  expect(warnings).toEqual([
    'tracker wandb failed, and the run goes on without it: ENOSPC: no space left on device, write',
  ]);
});
