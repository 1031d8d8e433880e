/** createUniemEmbedder beside what uniem's create_uniem_embedder takes and gives. */

import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, expect, test } from 'vitest';
import { useEngine } from '../engine/engine.ts';
import { Embedder } from './embedder.ts';
import { createUniemEmbedder } from './uniem-embedder.ts';

const fixtures = fileURLToPath(new URL('../../../../fixtures/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-embedder-'));
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(async () => {
  await useEngine({ backend: 'native' });
});

const tiny = join(fixtures, 'tiny-bert', 'model');

test('pools by last_mean, or as asked, whatever modules the folder names', async () => {
  cpSync(tiny, folder, { recursive: true });
  cpSync(join(fixtures, 'sentence-transformers', 'compact', 'cls'), folder, { recursive: true });
  const texts = ['the cat sat on the mat', 'dogs run'];
  const vectors = async (embedder: Embedder) => (await embedder.encode(texts)).map((vector) => [...vector]);
  const plain = await vectors(await Embedder.fromPretrained(tiny, { poolingStrategy: 'last_mean' }));
  expect(await vectors(await createUniemEmbedder(folder))).toEqual(plain);
  const weighted = await createUniemEmbedder(folder, { poolingStrategy: 'last_weighted' });
  expect(weighted.poolingStrategy).toBe('last_weighted');
  expect(weighted.poolingReason).toBe('it was asked for');
  expect(await vectors(weighted)).not.toEqual(plain);
});

test.each(['AutoModel', 'BertModel'])('takes modelClass %s', async (modelClass) => {
  expect((await createUniemEmbedder(tiny, { modelClass })).config.modelType).toBe('bert');
});

test('refuses a class of another family', async () => {
  await expect(createUniemEmbedder(tiny, { modelClass: 'GPT2Model' })).rejects.toThrow(
    "modelClass: 'GPT2Model' is no encoder of model_type bert\n  fix: leave it out, or give AutoModel",
  );
});
