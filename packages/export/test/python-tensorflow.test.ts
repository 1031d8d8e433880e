/** SavedModels in Python's TensorFlow, by fixtures/export/open_saved_model.py; run with its Python by `npm run test:exports`. */

import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Embedder, POOLING_STRATEGIES, useEngine } from '@uniem/core';
import { expect, test } from 'vitest';

import { minilmFolder } from '../../../examples/minilm.ts';
import { exportModel } from '../src/export-model.ts';
import { compactFolders, FOLDERS, temporaryFolder, tinyModel, tinyTexts } from './tiny-models.ts';

const fixtures = fileURLToPath(new URL('../../../fixtures/export/', import.meta.url));
const python = process.env.UNIEM_TENSORFLOW_PYTHON;

const WORDS = ['The weather is lovely today.', 'bank', '今天天气很好。', 'How do I reset my password?', ''];

interface Case {
  folder: string;
  ids: number[][];
  vectors: number[][];
}

async function caseOf(embedder: Embedder, texts: readonly string[]): Promise<Case> {
  const folder = join(temporaryFolder(), 'saved-model');
  await exportModel(embedder, { format: 'saved-model', output: folder, check: false });
  const ids = texts.map((text) => [...embedder.tokenizer.encode(text, embedder.maxLength)]);
  const vectors = await embedder.encode(texts, { prompt: '', progressBar: false });
  embedder.dispose();
  return { folder, ids, vectors: vectors.map((vector) => [...vector]) };
}

test.skipIf(!python)(
  'TensorFlow gives the vectors of encode, padded on either side',
  { timeout: 600_000 },
  async () => {
    await useEngine({ backend: 'native' });
    const cases = new Map<string, Case>();
    const tiny = tinyTexts(64);
    for (const family of FOLDERS) {
      cases.set(family, await caseOf(await Embedder.fromPretrained(tinyModel(family)), tiny));
    }
    for (const poolingStrategy of POOLING_STRATEGIES) {
      const embedder = await Embedder.fromPretrained(tinyModel('ernie'), { poolingStrategy });
      cases.set(`ernie, ${poolingStrategy}`, await caseOf(embedder, tiny));
    }
    for (const folder of compactFolders()) {
      const texts = folder.endsWith('static') ? WORDS.slice(0, -1) : WORDS; // of no tokens there is no cosine
      cases.set(folder, await caseOf(await Embedder.fromPretrained(folder), texts));
    }
    cases.set('all-MiniLM-L6-v2', await caseOf(await Embedder.fromPretrained(minilmFolder()), WORDS));
    const path = join(temporaryFolder(), 'cases.json');
    writeFileSync(path, JSON.stringify([...cases.values()]));
    const printed = execFileSync(python as string, [join(fixtures, 'open_saved_model.py'), path], { encoding: 'utf8' });
    const { results } = JSON.parse(printed) as { results: Record<string, { left: number; right: number }> };
    expect(Object.keys(results)).toHaveLength(cases.size);
    for (const [name, { folder }] of cases) {
      expect(existsSync(join(folder, 'tokenizer.json')), name).toBe(true);
      const { left, right } = results[folder] as { left: number; right: number };
      expect(Math.min(left, right), name).toBeGreaterThanOrEqual(0.99999);
    }
  },
);
