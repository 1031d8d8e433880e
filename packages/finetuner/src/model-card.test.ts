/** README.md of a trained model. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Embedder, useEngine } from '@uniem/core';
import { afterAll, expect, test } from 'vitest';

import { FineTuner } from './finetuner.ts';
import { modelCard } from './model-card.ts';

const model = fileURLToPath(new URL('../../../fixtures/tiny-bert/model', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-card-'));
afterAll(() => rmSync(folder, { recursive: true }));

const frontMatter = (card: string) => (card.split('---\n')[1] as string).trim().split('\n');

test('a run writes it, with its options and validation losses, and no path of this machine', async () => {
  const rows = Array.from({ length: 8 }, (_, i) => ({ text: `cat ${i}`, text_pos: `dog ${i}` }));
  const dataset = { train: rows, validation: rows };
  const fineTuner = await FineTuner.fromPretrained(model, { dataset, backend: 'native' });
  const { modelFolder, validation } = await fineTuner.run({ outputDir: folder, batchSize: 4, epochs: 2, lr: 1e-3 });
  const card = readFileSync(join(modelFolder, 'README.md'), 'utf8');
  expect(frontMatter(card)).toEqual([
    'library_name: sentence-transformers',
    'pipeline_tag: sentence-similarity',
    'tags:',
    '- sentence-transformers',
    '- sentence-similarity',
    '- feature-extraction',
    '- uniem',
  ]);
  expect(card).not.toContain(model);
  expect(card).toContain('| records | 8, pair |\n| loss | in-batch softmax, temperature 0.05 |\n| strategy | full |');
  expect(card).toContain('| learning rate | 0.001 |\n| epochs | 2 |\n| steps | 4 |');
  expect(validation).toHaveLength(2);
  expect(card).toContain(`| 2 | ${validation[1]?.validationLoss.toFixed(4)} |`);
  expect(card).toContain("pooling: 'mean'");
});

test('a base model of the hub is named; a pooling without a name is not promised to Python', async () => {
  await useEngine({ backend: 'native' });
  const embedder = await Embedder.fromPretrained(model, { poolingStrategy: 'first_last_mean' });
  const card = modelCard({ embedder, baseModel: 'moka-ai/m3e-small@v1', training: [], validation: [] });
  expect(frontMatter(card)).toEqual([
    'pipeline_tag: sentence-similarity',
    'base_model: moka-ai/m3e-small',
    'tags:',
    '- sentence-similarity',
    '- feature-extraction',
    '- uniem',
  ]);
  expect(card).toContain('[moka-ai/m3e-small](https://huggingface.co/moka-ai/m3e-small)');
  expect(card).toContain("Its pooling, first_last_mean, has no name in sentence-transformers' layout.");
  expect(card).not.toContain('Python');
});
