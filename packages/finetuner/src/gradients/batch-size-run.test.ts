/** A run that finds its batch size, in a process of its own: nothing else holds memory under its limit. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, expect, test } from 'vitest';

import { FineTuner } from '../run/finetuner.ts';

process.env.UNIEM_MEMORY_LIMIT = String(30e6); // read when the engine starts

const model = fileURLToPath(new URL('../../../../fixtures/tiny-bert/model', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-batch-size-'));
afterAll(() => rmSync(folder, { recursive: true }));

const rows = (count: number, words: number) =>
  Array.from({ length: count }, (_, i) => ({ text: `cat ${i}`, text_pos: 'the cat sat '.repeat(words) }));

test('a run finds its own', async () => {
  const fineTuner = await FineTuner.fromPretrained(model, { dataset: rows(96, 20), backend: 'native' });
  const { metricsFile, steps } = await fineTuner.run({ outputDir: join(folder, 'run'), epochs: 1, logInterval: 1 });
  expect(steps).toBeGreaterThan(1);
  expect(readFileSync(metricsFile, 'utf8').trim().split('\n')).toHaveLength(steps + 1);
});
