/** README.md of a trained model. */

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Embedder, useEngine } from '@uniem/core';
import { afterAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Evaluation } from '../evaluation/validation-task.ts';
import { FineTuner } from '../run/finetuner.ts';
import { hubResults } from './hub-results.ts';
import { modelCard } from './model-card.ts';

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

const plain = { prefix: '', datasets: [], language: undefined, training: [], validation: [], evaluation: undefined };

/** An embedder as opened from elsewhere: no hub is asked in these tests. */
function openedFrom(
  embedder: Embedder,
  name: string,
  folder: string,
  base?: { name: string; folder: string },
): Embedder {
  const origin = { name, folder, base: base && { ...base, base: undefined } };
  return new Proxy(embedder, {
    get: (target, key) => (key === 'origin' ? origin : Reflect.get(target, key, target)),
  });
}

test('a base model of the hub is named; a pooling without a name is not promised to Python', async () => {
  await useEngine({ backend: 'native' });
  const opened = await Embedder.fromPretrained(model, { poolingStrategy: 'first_last_mean' });
  const embedder = openedFrom(opened, 'moka-ai/m3e-small@v1', folder);
  const card = modelCard({ ...plain, embedder, language: 'zh', datasets: ['moka-ai/set', 'org/other'] });
  expect(frontMatter(card)).toEqual({
    language: 'zh',
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

test('what a folder remembers of its origin is not told: _name_or_path of config.json, the language of its card', async () => {
  const remembers = join(folder, 'remembers');
  cpSync(model, remembers, { recursive: true });
  const config = JSON.parse(readFileSync(join(model, 'config.json'), 'utf8'));
  writeFileSync(join(remembers, 'config.json'), JSON.stringify({ ...config, _name_or_path: 'nreimers/MiniLM' }));
  writeFileSync(join(remembers, 'README.md'), '---\nlanguage: en\nbase_model: other/model\n---\n');
  const cardOf = async (text: string) => {
    const dataset = Array.from({ length: 4 }, () => ({ text, text_pos: text }));
    const fineTuner = await FineTuner.fromPretrained(remembers, { dataset, backend: 'native' });
    const outputDir = mkdtempSync(join(folder, 'run-'));
    const { modelFolder } = await fineTuner.run({ outputDir, maxSteps: 1, batchSize: 4, lr: 1e-3 });
    return frontMatter(readFileSync(join(modelFolder, 'README.md'), 'utf8'));
  };
  const chinese = await cardOf('你好世界');
  expect(chinese).toMatchObject({ language: 'zh' });
  expect(chinese).not.toHaveProperty('base_model');
  expect(await cardOf('the cat sat on the mat')).toMatchObject({ language: 'en' });
  expect(await cardOf('cat')).not.toHaveProperty('language');
});

test('a prefix stands in every line to copy, whatever it holds', async () => {
  await useEngine({ backend: 'native' });
  const embedder = await Embedder.fromPretrained(model);
  const prefix = `[q's]`;
  const card = modelCard({ ...plain, embedder, prefix });
  expect(card).toContain(`embedder.encode(['a text', 'another text'], { prompt: "[q's]" });`);
  expect(card).toContain(`model.encode(["a text", "another text"], prompt="[q's]")`);
  expect(card).toContain(`extract(["[q's]a text", "[q's]another text"], options);`);
});

test('a StaticEmbedding is not promised to transformers.js', async () => {
  await useEngine({ backend: 'native' });
  const folder = fileURLToPath(new URL('../../../../fixtures/sentence-transformers/compact/static', import.meta.url));
  const embedder = await Embedder.fromPretrained(folder);
  const card = modelCard({ ...plain, embedder });
  expect(card).toContain('SentenceTransformer(');
  expect(card).not.toContain('transformers.js');
});

test('a folder is no name of the hub, though it looks like one; an adapter is of its base', async () => {
  await useEngine({ backend: 'native' });
  const embedder = await Embedder.fromPretrained(model);
  const cardOf = (...origin: [string, string, { name: string; folder: string }?]) =>
    frontMatter(modelCard({ ...plain, embedder: openedFrom(embedder, ...origin) }));
  expect(cardOf('models/m3e', 'models/m3e')).not.toHaveProperty('base_model');
  const base = { name: 'org/base@v2', folder: 'cache/base' };
  expect(cardOf('my/adapter', 'my/adapter', base)).toMatchObject({ base_model: 'org/base' });
  expect(cardOf('org/adapter', 'cache/adapter', base)).toMatchObject({ base_model: 'org/adapter' });
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
