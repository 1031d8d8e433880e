/** README.md of a trained model. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Embedder, useEngine } from '@uniem/core';
import { afterAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Evaluation } from '../evaluation/validation-task.ts';
import { FineTuner } from '../run/finetuner.ts';
import { hubResults } from './hub-results.ts';
import { type ModelOrigin, modelCard } from './model-card.ts';

const model = fileURLToPath(new URL('../../../../fixtures/tiny-bert/model', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-card-'));
afterAll(() => rmSync(folder, { recursive: true }));

const frontMatter = (card: string) => parse(card.split('---\n')[1] as string) as Record<string, unknown>;
const tags = ['sentence-similarity', 'feature-extraction', 'uniem'];

test('a run writes it, with its options and validation losses, and no path of this machine', async () => {
  const rows = Array.from({ length: 8 }, (_, i) => ({ text: `cat ${i}`, text_pos: `dog ${i}` }));
  const dataset = { train: rows, validation: rows };
  const fineTuner = await FineTuner.fromPretrained(model, { dataset, backend: 'native' });
  const { modelFolder, validation, evaluation } = await fineTuner.run({
    outputDir: folder,
    batchSize: 4,
    epochs: 2,
    lr: 1e-3,
  });
  const card = readFileSync(join(modelFolder, 'README.md'), 'utf8');
  expect(Object.keys(evaluation?.after ?? {})).toEqual(['mrr@10', 'recall@1', 'recall@10', 'ndcg@10', 'map@100']);
  const types = Object.keys(evaluation?.after ?? {}).map((name) => `cosine_${name}`);
  expect(frontMatter(card)).toEqual({
    library_name: 'sentence-transformers',
    pipeline_tag: 'sentence-similarity',
    tags: ['sentence-transformers', ...tags],
    metrics: types,
    'model-index': [
      {
        name: 'Text embeddings',
        results: [
          {
            task: { type: 'information-retrieval', name: 'Information Retrieval' },
            dataset: { type: 'unknown', name: 'validation set' },
            metrics: types.map((type) => ({
              type,
              value: evaluation?.after[type.slice('cosine_'.length)],
              name: type.replace('cosine_', 'Cosine ').replace(/ ./, (letter) => letter.toUpperCase()),
            })),
          },
        ],
      },
    ],
  });
  const [before, after] = [evaluation?.before, evaluation?.after].map((metrics) => metrics?.['ndcg@10']?.toFixed(4));
  expect(card).toContain('On 8 records of the validation set, as the task retrieval:\n\n| Metric | Before | After |\n');
  expect(card).toContain(`| ndcg@10 | ${before} | ${after} |`);
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
  const origin = { model: 'moka-ai/m3e-small@v1', folder: folder, datasets: ['moka-ai/set', 'org/other'] };
  writeFileSync(join(folder, 'README.md'), '---\nlanguage:\n- zh\n- en\n---\n# M3E\n');
  const card = modelCard({ embedder, origin, prefix: '', training: [], validation: [], evaluation: undefined });
  expect(frontMatter(card)).toEqual({
    language: ['zh', 'en'],
    pipeline_tag: 'sentence-similarity',
    base_model: 'moka-ai/m3e-small',
    datasets: ['moka-ai/set', 'org/other'],
    tags,
  });
  expect(card).toContain('| dataset | [org/other](https://huggingface.co/datasets/org/other) |');
  expect(card).toContain('[moka-ai/m3e-small](https://huggingface.co/moka-ai/m3e-small)');
  expect(card).toContain("Its pooling, first_last_mean, has no name in sentence-transformers' layout.");
  expect(card).not.toContain('Python');
});

test('a prefix stands in every line to copy, whatever it holds', async () => {
  await useEngine({ backend: 'native' });
  const embedder = await Embedder.fromPretrained(model);
  const origin = { model: 'm', folder: 'm', datasets: [] };
  const prefix = `[q's]`;
  const card = modelCard({ embedder, origin, prefix, training: [], validation: [], evaluation: undefined });
  expect(card).toContain(`embedder.encode(['a text', 'another text'], { prompt: "[q's]" });`);
  expect(card).toContain(`model.encode(["a text", "another text"], prompt="[q's]")`);
  expect(card).toContain(`extract(["[q's]a text", "[q's]another text"], options);`);
});

test('a StaticEmbedding is not promised to transformers.js', async () => {
  await useEngine({ backend: 'native' });
  const folder = fileURLToPath(new URL('../../../../fixtures/sentence-transformers/compact/static', import.meta.url));
  const embedder = await Embedder.fromPretrained(folder);
  const origin = { model: 'm', folder: 'm', datasets: [] };
  const card = modelCard({ embedder, origin, prefix: '', training: [], validation: [], evaluation: undefined });
  expect(card).toContain('SentenceTransformer(');
  expect(card).not.toContain('transformers.js');
});

test('a folder is no name of the hub, though it looks like one; a broken card tells no language', async () => {
  await useEngine({ backend: 'native' });
  const embedder = await Embedder.fromPretrained(model);
  const cardOf = (origin: ModelOrigin) =>
    frontMatter(modelCard({ embedder, origin, prefix: '', training: [], validation: [], evaluation: undefined }));
  expect(cardOf({ model: 'models/m3e', folder: 'models/m3e', datasets: [] })).not.toHaveProperty('base_model');
  writeFileSync(join(folder, 'README.md'), '---\nlanguage: [zh\n---\n');
  expect(cardOf({ model: folder, folder, datasets: [] })).not.toHaveProperty('language');
});

// As sentence-transformers names them: BinaryClassificationEvaluator, EmbeddingSimilarityEvaluator, TripletEvaluator.
test.each<[Evaluation['task'], string, string]>([
  ['pair-classification', 'accuracyThreshold', 'cosine_accuracy_threshold'],
  ['sts', 'spearman', 'spearman_cosine'],
  ['triplet', 'accuracy', 'cosine_accuracy'],
])('%s: %s is the hub’s %s', (task, name, expected) => {
  const evaluation: Evaluation = { task, records: 1, before: undefined, after: { [name]: 0.5 } };
  expect(hubResults(evaluation, 'm').metrics).toEqual([expected]);
});
