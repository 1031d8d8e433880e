/** A run's own measuring before and after beside `evaluateTask` on the models in their folders. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Embedder } from '@uniem/core';
import type { Row } from '@uniem/data';
import { afterAll, expect, test } from 'vitest';
import type { FinetuneOptions } from '../options.ts';
import { FineTuner } from '../run/finetuner.ts';
import type { RunHooks } from '../run/run-hooks.ts';
import { evaluateTask, type TaskName } from './tasks.ts';

const model = fileURLToPath(new URL('../../../../fixtures/tiny-bert/model', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-validation-'));
afterAll(() => rmSync(folder, { recursive: true }));

const words = ['cat', 'dog', 'tree', 'house', 'river', 'king', 'red', 'run'];
const pairs = words.map((word, i) => ({ text: `the ${word}`, text_pos: `${words[(i + 3) % 8]} ${word} ${i}` }));
const scored = pairs.map(({ text, text_pos }, i) => ({ sentence1: text, sentence2: text_pos, label: (i * 3) % 8 }));

async function run(outputDir: string, rows: Row[], options: FinetuneOptions = {}, hooks: RunHooks = {}) {
  const dataset = { train: rows, validation: rows };
  const fineTuner = await FineTuner.fromPretrained(model, { dataset, backend: 'native' });
  return fineTuner.run({ outputDir, batchSize: 4, epochs: 2, lr: 1e-2, seed: 1, ...options }, hooks);
}

const taskLines = (metricsFile: string) =>
  readFileSync(metricsFile, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter((line) => 'task' in line);

test.each<[TaskName, Row[], Row[]]>([
  ['retrieval', pairs, pairs],
  ['sts', scored.map((row) => ({ ...row, label: BigInt(row.label) })), scored], // as Parquet's int64
  [
    'pair-classification',
    scored.map((row) => ({ ...row, label: row.label % 2 })),
    scored.map((row) => ({ ...row, label: row.label % 2 })),
  ],
  [
    'triplet',
    pairs.map((row, i) => ({ ...row, text_neg: [`a ${words[i]}`, `${words[7 - i]} red`] })),
    pairs.flatMap((row, i) => [`a ${words[i]}`, `${words[7 - i]} red`].map((text_neg) => ({ ...row, text_neg }))),
  ],
])('%s is measured before and after, and written', async (task, rows, asTask) => {
  const { evaluation, modelFolder, metricsFile, steps } = await run(join(folder, task), rows);
  const expected = async (path: string) =>
    evaluateTask(task, await Embedder.fromPretrained(path), { test: asTask as Row[] });
  expect(evaluation).toEqual({ task, records: 8, before: await expected(model), after: await expected(modelFolder) });
  expect(evaluation?.after).not.toEqual(evaluation?.before);
  expect(taskLines(metricsFile)).toEqual([
    { step: 0, task, records: 8, metrics: evaluation?.before },
    { step: steps, task, records: 8, metrics: evaluation?.after },
  ]);
});

test('the texts of a prefix-trained model have their prefix', async () => {
  const { evaluation, modelFolder } = await run(join(folder, 'prefix'), scored, {
    strategy: 'prefix',
    prefixTokens: ['[query]'],
  });
  const embedder = await Embedder.fromPretrained(modelFolder);
  const prefixed = scored.map((row) => ({
    ...row,
    sentence1: `[query]${row.sentence1}`,
    sentence2: `[query]${row.sentence2}`,
  }));
  expect(evaluation?.after.pearson).toBeCloseTo(
    (await evaluateTask('sts', embedder, { test: prefixed })).pearson ?? 0,
    6,
  );
});

test('evalRecords bounds it, 0 leaves it out', async () => {
  expect((await run(join(folder, 'three'), pairs, { evalRecords: 3 })).evaluation?.records).toBe(3);
  const none = await run(join(folder, 'none'), pairs, { evalRecords: 0 });
  expect([none.evaluation, taskLines(none.metricsFile)]).toEqual([undefined, []]);
});

test('a run that is stopped and goes on knows what the model was worth at first', async () => {
  const abort = new AbortController();
  const options = { outputDir: join(folder, 'resumed'), saveSteps: 1 };
  const stopped = await run(options.outputDir, pairs, options, { signal: abort.signal, onStep: () => abort.abort() });
  expect([stopped.steps, stopped.evaluation]).toEqual([1, undefined]);
  const { evaluation } = await run(options.outputDir, pairs, { ...options, resume: true });
  const unbroken = await run(join(folder, 'unbroken'), pairs);
  expect(evaluation).toEqual(unbroken.evaluation);
});
