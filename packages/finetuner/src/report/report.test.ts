/** report.html of a real run. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, expect, test } from 'vitest';
import type { Evaluation } from '../evaluation/validation-task.ts';
import { FineTuner } from '../run/finetuner.ts';
import type { Curves } from './curves.ts';

const model = fileURLToPath(new URL('../../../../fixtures/tiny-bert/model', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-report-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('shows loss, rates, lengths, epochs and options, and loads nothing', async () => {
  const rows = Array.from({ length: 8 }, (_, i) => ({
    text: `cat ${i}`,
    text_pos: 'the dog ran on and on to the end',
  }));
  const fineTuner = await FineTuner.fromPretrained(model, {
    dataset: { train: rows, validation: rows },
    backend: 'native',
  });
  const { evaluation } = await fineTuner.run({
    outputDir: folder,
    batchSize: 4,
    epochs: 2,
    lr: 1e-3,
    maxGradNorm: 1,
    logInterval: 1,
  });
  const html = readFileSync(join(folder, 'report.html'), 'utf8');
  const titles = [...html.matchAll(/<h2>([^<]*)<\/h2>/g)].map(([, title]) => title);
  expect(titles).toEqual([
    'Retrieval on 8 validation records',
    ...['Loss', 'Learning rate', 'Records per second', 'Gradient norm', 'Tokens per text', 'Run', 'Epochs', 'Options'],
  ]);
  const { steps, curves } = drawn(html);
  expect(steps).toEqual([1, 2, 3, 4]);
  expect(curves.loss?.dots?.map((value) => value !== null)).toEqual([false, true, false, true]); // one an epoch
  expect(curves.loss?.values.every((value) => typeof value === 'number')).toBe(true);
  expect(html).toContain('<td>batchSize</td><td>4</td>');
  expect(html).toContain('viewBox="0 0 640 250"');
  expect(html).toContain('>16</text>\n<text x="42" y="238" text-anchor="middle">&lt; 8</text>'); // cat 0 …, twice
  expect(html).toContain('&lt; 16</text>'); // the dog ran …
  const figures = [...html.matchAll(/<text [^>]*>(\d\.\d{4})<\/text>/g)].map(([, figure]) => figure);
  const { before, after } = evaluation as Evaluation;
  expect(figures).toEqual(Object.keys(after).flatMap((name) => [before?.[name]?.toFixed(4), after[name]?.toFixed(4)]));
  expect(html).not.toMatch(/<[^>]*\s(?:src|href)=|@import|url\(/);
  expect(html.length).toBeLessThan(300_000);
});

test('draws every step of a short run; cosines to cut at are no bars', async () => {
  const rows = Array.from({ length: 24 }, (_, i) => ({ sentence1: `cat ${i}`, sentence2: '狗 ran', label: i % 2 }));
  const fineTuner = await FineTuner.fromPretrained(model, {
    dataset: { train: rows, validation: rows },
    backend: 'native',
  });
  const losses: number[] = [];
  await fineTuner.run(
    { outputDir: folder, batchSize: 4, epochs: 2, lr: 1e-3 },
    { onStep: ({ loss }) => void losses.push(loss) },
  );
  const html = readFileSync(join(folder, 'report.html'), 'utf8');
  const { steps, curves } = drawn(html);
  expect(steps).toEqual(losses.map((_, i) => i + 1));
  expect(curves.loss?.values).toEqual(losses.map((loss) => Number(loss.toPrecision(6))));
  expect(html).toMatch(/<td>accuracyThreshold<\/td><td>0\.\d{4} → 0\.\d{4}<\/td>/);
  expect(html).not.toMatch(/<text[^>]*>accuracyThreshold<\/text>/);
});

/** What the page's script reads. */
function drawn(html: string): Curves {
  const [, json] = /<script type="application\/json" id="run">(.*?)<\/script>/.exec(html) ?? [];
  return JSON.parse(json as string) as Curves;
}
