/** report.html of a real run. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, expect, test } from 'vitest';

import { FineTuner } from '../finetuner.ts';

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
  await fineTuner.run({ outputDir: folder, batchSize: 4, epochs: 2, lr: 1e-3, maxGradNorm: 1, logInterval: 1 });
  const html = readFileSync(join(folder, 'report.html'), 'utf8');
  const titles = [...html.matchAll(/<h2>([^<]*)<\/h2>/g)].map(([, title]) => title);
  expect(titles).toEqual([
    ...['Loss', 'Learning rate', 'Records a second', 'Gradient norm', 'Tokens a text', 'Run', 'Epochs', 'Options'],
  ]);
  expect(html.match(/<circle /g)).toHaveLength(2); // a validation an epoch
  expect(html).toContain('<td>batchSize</td><td>4</td>');
  expect(html).toContain('&lt; 8</text>'); // cat 0 …
  expect(html).toContain('&lt; 16</text>'); // the dog ran …
  expect(html).not.toMatch(/(?:src|href)=|@import|url\(/);
});
