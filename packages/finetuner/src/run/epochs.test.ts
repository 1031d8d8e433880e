/** Fractions of epochs: as many steps as transformers' Trainer makes, ceil(epochs × steps of one). */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, expect, test } from 'vitest';
import type { FinetuneOptions } from '../options.ts';
import { FineTuner } from './finetuner.ts';

const fixtures = new URL('../../../../fixtures/', import.meta.url);
const tiny = fileURLToPath(new URL('tiny-bert/model', fixtures));
const folder = mkdtempSync(join(tmpdir(), 'uniem-epochs-'));
afterAll(() => rmSync(folder, { recursive: true }));
const newFolder = () => mkdtempSync(join(folder, 'run-'));

/** Made by fixtures/epochs/generate.py with transformers' Trainer: records, batch size, accumulation, epochs, steps. */
const golden: { records: number; batchSize: number; accumulation: number; epochs: number; steps: number }[] =
  JSON.parse(readFileSync(new URL('epochs/expected.json', fixtures), 'utf8')).cases;

const words = ['cat', 'dog', 'mat', 'end', 'run', 'sat', 'on', 'the', 'a', 'of', 'and', 'ran'];
const rowsOf = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    text: `the ${words[i % 12]}`,
    text_pos: `${words[(5 * i + 1) % 12]} ${i}`,
  }));

async function run(count: number, options: FinetuneOptions, signalAfter?: number) {
  const fineTuner = await FineTuner.fromPretrained(tiny, { dataset: rowsOf(count), backend: 'native' });
  const abort = new AbortController();
  const lrs: number[] = [];
  const epochs: number[] = [];
  const outcome = await fineTuner.run(
    { lr: 1e-3, logInterval: 1, ...options },
    {
      signal: abort.signal,
      onStep: ({ step, lr }) => {
        lrs.push(lr);
        if (step === signalAfter) abort.abort();
      },
      onEpoch: ({ epoch }) => epochs.push(epoch),
    },
  );
  return { ...outcome, lrs, epochs };
}

test.each(golden)('$records records by $batchSize × $accumulation, $epochs epochs: $steps steps', async (given) => {
  const { records, batchSize, accumulation: gradientAccumulationSteps, epochs, steps } = given;
  const options = {
    batchSize,
    gradientAccumulationSteps,
    epochs,
    outputDir: newFolder(),
    scheduler: 'linear',
  } as const;
  const { steps: made, epochs: ended, lrs } = await run(records, options);
  expect(made).toBe(steps);
  expect(ended).toEqual(Array.from({ length: Math.ceil(epochs) }, (_, i) => i + 1)); // a line each, of the cut one too
  expect(lrs.at(-1)).toBeCloseTo(1e-3 / steps, 9); // the rate falls to 0 after the last step, not later
});

test('batches that are counted, not reckoned, end within the epoch as well', async () => {
  const options = { batchSize: 2, tokenBudget: 12, epochs: 1.5, scheduler: 'linear' } as const;
  const whole = await run(12, { ...options, epochs: 1, outputDir: newFolder() });
  const { steps, lrs } = await run(12, { ...options, outputDir: newFolder() });
  expect(steps).toBe(whole.steps + Math.ceil(whole.steps / 2));
  expect(lrs.at(-1)).toBeCloseTo(1e-3 / steps, 9);
});

test('a run that stops within the cut epoch goes on to the weights and metrics of an unbroken one', async () => {
  const options = { batchSize: 2, epochs: 1.6, scheduler: 'cosine', shuffle: true, saveSteps: 2 } as const;
  const [unbroken, broken] = [newFolder(), newFolder()];
  const expected = await run(12, { ...options, outputDir: unbroken });
  expect(expected.steps).toBe(10);
  expect((await run(12, { ...options, outputDir: broken }, 8)).stopped).toBe(true);
  const { steps, stopped } = await run(12, { ...options, outputDir: broken, resume: true });
  expect([steps, stopped]).toEqual([10, false]);
  const weights = (of: string) => readFileSync(join(of, 'model', 'model.safetensors'));
  expect(weights(broken).equals(weights(unbroken))).toBe(true);
  const metrics = (of: string) =>
    readFileSync(join(of, 'metrics.jsonl'), 'utf8').replaceAll(/"recordsPerSecond":[^,}]+/g, '');
  expect(metrics(broken)).toBe(metrics(unbroken));
});

test('a fraction of a stream is refused, but where maxSteps ends it; 0 and less are none', async () => {
  const stream = {
    [Symbol.asyncIterator]: async function* () {
      yield* rowsOf(8);
    },
  };
  const fineTuner = await FineTuner.fromPretrained(tiny, { dataset: stream, backend: 'native' });
  const given = { batchSize: 2, epochs: 0.5, lr: 1e-3, outputDir: newFolder() };
  await expect(fineTuner.run(given)).rejects.toThrow(
    'epochs: the number of steps of a stream is not known (received 0.5)\n  fix: give a whole number, or maxSteps',
  );
  expect((await fineTuner.run({ ...given, maxSteps: 2 })).steps).toBe(2);
  for (const epochs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    await expect(fineTuner.run({ ...given, epochs })).rejects.toThrow(/^epochs: .*\n {2}fix: see docs\/cli.md/);
  }
});
