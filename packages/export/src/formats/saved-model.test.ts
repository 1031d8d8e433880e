/** Export as a SavedModel, read by libtensorflow; Python reads it in packages/export/test/saved-model.check.ts. */

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import * as tf from '@tensorflow/tfjs-core';
import { Embedder, useEngine } from '@uniem/core';
import { beforeAll, expect, test } from 'vitest';

import { compactFolders, temporaryFolder, tinyModel } from '../../test/tiny-models.ts';
import { exportModel } from '../export-model.ts';
import { readParameter } from '../parameters.ts';
import { writeSavedModel } from '../tensorflow/saved-model.ts';
import { traceModel } from '../trace/trace.ts';

beforeAll(async () => {
  await useEngine({ backend: 'native' });
});

const output = () => join(temporaryFolder(), 'out');
const FAMILIES = ['ernie', 'bert-relu', 'deberta-v2', 'gpt2', 'nomic_bert', 't5', 'qwen3'];

test.each([...FAMILIES.map((name) => tinyModel(name)), ...compactFolders()])('%s', async (model) => {
  const folder = output();
  const { files } = await exportModel(model, { format: 'saved-model', output: folder });
  expect(files).toEqual([{ path: 'saved_model.pb', bytes: expect.any(Number), cosine: expect.any(Number) }]);
  expect(files[0]?.cosine).toBeGreaterThanOrEqual(0.99999);
  expect(tf.getBackend()).toBe('native');
  const names = ['saved_model.pb', 'tokenizer.json', 'tokenizer_config.json', 'variables'];
  expect(readdirSync(folder)).toEqual(expect.arrayContaining(names));
});

test('is refused where a saved_model.pb holds less', async () => {
  const embedder = await Embedder.fromPretrained(tinyModel('ernie'));
  const folder = temporaryFolder();
  await expect(writeSavedModel(folder, traceModel(embedder), readParameter(embedder), 20_000)).rejects.toThrow(
    /^saved-model: \d{5,} bytes, where a saved_model\.pb holds 20000\n {2}fix: use --format onnx, which keeps large weights/,
  );
  expect(readdirSync(folder)).toEqual([]);
  embedder.dispose();
});

test('where engine tensorflow is not set up, the command says that it was not checked', () => {
  const bin = fileURLToPath(new URL('../../../cli/bin/uniem.js', import.meta.url));
  const args = ['export', '--format', 'saved-model', '--backend', 'cpu', '--model', tinyModel('ernie')];
  const { stderr, status } = spawnSync(process.execPath, [bin, ...args, '--output', output()], {
    encoding: 'utf8',
    env: { ...process.env, UNIEM_CACHE: temporaryFolder() },
  });
  expect(stderr).toContain(
    'note: the SavedModel was not run: engine tensorflow is not set up (uniem setup tensorflow)\n',
  );
  expect(stderr).not.toContain('least cosine');
  expect(status).toBe(0);
});
