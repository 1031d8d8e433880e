/** Runs that stop anywhere and go on: as the unbroken run in weights, metrics and outcome. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { FinetuneOptions } from '../options.ts';
import { FineTuner } from './finetuner.ts';
import type { RunHooks } from './run-hooks.ts';

const tiny = fileURLToPath(new URL('../../../../fixtures/tiny-bert/model', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-interrupted-'));
afterAll(() => rmSync(folder, { recursive: true }));

const words = ['cat', 'dog', 'mat', 'end', 'run', 'sat', 'on', 'the'];
const train = words.map((word, i) => ({ text: `the ${word}`, text_pos: `${words[(3 * i + 1) % 8]} sat` }));
const validation = words.map((word, i) => ({ text: `a ${word}`, text_pos: `${words[(5 * i + 2) % 8]} ran` }));

const open = () => FineTuner.fromPretrained(tiny, { dataset: { train, validation }, backend: 'native' });
const newFolder = () => mkdtempSync(join(folder, 'run-'));
const weightsOf = (model: string) => readFileSync(join(model, 'model.safetensors')).toString('base64');
/** Without the speed, and the line of a task measured at the stop. */
const metricsOf = (file: string) =>
  readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line, (key, value) => (key === 'recordsPerSecond' ? undefined : value)));

/** A signal that is aborted at the n-th look at it after `begin`. */
class LookedAt {
  looks = Number.POSITIVE_INFINITY;
  get aborted(): boolean {
    return --this.looks < 0;
  }
}

interface Setting {
  name: string;
  options: FinetuneOptions;
}

const SETTINGS: Setting[] = [
  { name: 'validation after each epoch', options: {} },
  { name: 'validation every second step, the best kept', options: { evalSteps: 2, keepBest: true, maxSteps: 6 } },
  { name: 'early stopping', options: { evalSteps: 1, earlyStoppingPatience: 2, lr: 0.05 } },
  { name: 'accumulation', options: { gradientAccumulationSteps: 3, saveOnEpochEnd: true } },
  { name: 'LoRA', options: { strategy: 'lora', lr: 1e-2, maxSteps: 5 } },
];

describe.each(SETTINGS)('with $name', ({ options }) => {
  const all: FinetuneOptions = { batchSize: 2, epochs: 3, lr: 1e-2, logInterval: 1, shuffle: true, ...options };
  let unbroken: Awaited<ReturnType<FineTuner['run']>>;
  let looks = 0;

  beforeAll(async () => {
    const signal = new LookedAt();
    signal.looks = 1e6;
    unbroken = await (await open()).run(
      { ...all, outputDir: newFolder() },
      { signal: signal as unknown as AbortSignal },
    );
    looks = 1e6 - signal.looks;
  });

  test('a stop at any look at the signal, and a resume, are the unbroken run', { timeout: 120_000 }, async () => {
    for (let at = 0; at < looks; at += Math.ceil(looks / 25)) {
      const outputDir = newFolder();
      const signal = new LookedAt();
      signal.looks = at;
      const hooks: RunHooks = { signal: signal as unknown as AbortSignal };
      const first = await (await open()).run({ ...all, outputDir }, hooks);
      if (at < looks - 2) expect(first.stopped, `look ${at} of ${looks}`).toBe(true); // the last ones are too late
      const result = first.stopped ? await (await open()).run({ ...all, outputDir, resume: true }) : first;
      expect(weightsOf(result.modelFolder), `look ${at} of ${looks}`).toBe(weightsOf(unbroken.modelFolder));
      expect(metricsOf(result.metricsFile), `look ${at} of ${looks}`).toEqual(metricsOf(unbroken.metricsFile));
      const { steps, validation, evaluation } = unbroken;
      expect(result, `look ${at} of ${looks}`).toMatchObject({ steps, validation, evaluation });
      rmSync(outputDir, { recursive: true });
    }
  });
});

test('a stop in onEpoch is saved, and its epoch is not told again', async () => {
  const outputDir = newFolder();
  const controller = new AbortController();
  const options = { outputDir, batchSize: 2, epochs: 3, lr: 1e-3, saveOnEpochEnd: true };
  const told: number[] = [];
  const onEpoch = ({ epoch }: { epoch: number }) => {
    told.push(epoch);
    if (epoch === 2) controller.abort();
  };
  await (await open()).run(options, { signal: controller.signal, onEpoch });
  expect(readdirSync(join(outputDir, 'checkpoints'))).toEqual(['step-8']);
  await (await open()).run({ ...options, resume: true }, { onEpoch });
  expect(told).toEqual([1, 2, 3]);
});

test('the batch size that was found is the one that goes on', async () => {
  const outputDir = newFolder();
  const controller = new AbortController();
  const options = { outputDir, epochs: 2, lr: 1e-3 };
  await (await open()).run(options, { signal: controller.signal, onStep: () => controller.abort() });
  expect((await (await open()).run({ ...options, resume: true })).steps).toBe(2);
});

test('another model is refused where a part of it does not train', async () => {
  const outputDir = newFolder();
  const controller = new AbortController();
  const options = { outputDir, batchSize: 4, strategy: 'bitfit', lr: 1e-3 } as const;
  const { modelFolder } = await (await open()).run(options, {
    signal: controller.signal,
    onStep: () => controller.abort(),
  });
  const full = await (await open()).run({ outputDir: newFolder(), batchSize: 4, lr: 1e-2, epochs: 1 });
  expect(weightsOf(full.modelFolder)).not.toBe(weightsOf(modelFolder));
  const other = await FineTuner.fromPretrained(full.modelFolder, { dataset: { train, validation }, backend: 'native' });
  await expect(other.run({ ...options, resume: true })).rejects.toThrow(
    /^resume: frozenWeights was \d+ at step 1 and is \d+ now\n {2}fix: give the options of the interrupted run/,
  );
});

test.each([{ strategy: 'lora' as const }, { strategy: 'prefix' as const, prefixTokens: ['[query]'] }])(
  'what $strategy trained is not trained into the model twice',
  async (given) => {
    const outputDir = newFolder();
    const fineTuner = await open();
    await fineTuner.run({ outputDir, batchSize: 4, epochs: 1, lr: 1e-3, saveSteps: 1, ...given });
    await expect(
      fineTuner.run({ outputDir, batchSize: 4, epochs: 1, lr: 1e-3, resume: true, ...given }),
    ).rejects.toThrow(
      `resume: what strategy ${given.strategy} trained is a part of this model already\n  fix: open the model anew`,
    );
  },
);

test('a run that cannot begin leaves the model as it was', async () => {
  const fineTuner = await open();
  const { parameters } = fineTuner.embedder;
  const names = [...parameters.keys()];
  const outputDir = newFolder();
  const options = { batchSize: 4, epochs: 1, lr: 1e-3, strategy: 'prefix', prefixTokens: ['[query]'] } as const;
  await expect(fineTuner.run({ ...options, outputDir: join(tiny, 'config.json') })).rejects.toThrow('cannot be made');
  expect([...parameters.keys()]).toEqual(names);
  expect((await fineTuner.run({ ...options, outputDir })).steps).toBe(2);
});

test('dropout is that of one run, and texts are cut as they were trained on', async () => {
  const fineTuner = await open();
  const { embedder } = fineTuner;
  const { dropout } = embedder.config;
  embedder.maxLength = 8;
  await fineTuner.run({ outputDir: newFolder(), batchSize: 4, epochs: 1, lr: 1e-3, dropout: 0.5 });
  expect(embedder.config.dropout).toEqual(dropout);
  expect(embedder.maxLength).toBe(8);
  const long = await fineTuner.run({ outputDir: newFolder(), batchSize: 4, epochs: 1, lr: 1e-3, maxLength: 32 });
  expect(embedder.maxLength).toBe(32);
  const saved = JSON.parse(readFileSync(join(long.modelFolder, 'sentence_bert_config.json'), 'utf8'));
  expect(saved.max_seq_length).toBe(32);
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const words = [{ text: 'the cat '.repeat(100), text_pos: 'a mat' }];
  const longer = await FineTuner.fromPretrained(tiny, { dataset: [...words, ...train], backend: 'native' });
  await longer.run({ outputDir: newFolder(), batchSize: 4, epochs: 1, lr: 1e-3, maxLength: 1000 });
  expect(stderr.mock.calls.flat()).toContain(
    'warning: maxLength 1000: the model has positions for 64 tokens, where texts are cut\n',
  );
  stderr.mockRestore();
});
