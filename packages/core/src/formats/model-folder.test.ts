/** Models of a hub of ours on loopback: fixtures/hub/server.ts. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { HubServer } from '../../../../fixtures/hub/server.ts';
import { Embedder } from '../embedder/embedder.ts';
import { useEngine } from '../engine/engine.ts';
import { ModelError } from '../errors.ts';
import { modelFolder } from './model-folder.ts';

const tiny = fileURLToPath(new URL('../../../../fixtures/tiny-bert/model/', import.meta.url));
const files = Object.fromEntries(readdirSync(tiny).map((name) => [name, readFileSync(join(tiny, name))]));

let hub: HubServer;
let cacheDir: string;
const made: string[] = [];

beforeAll(async () => {
  hub = await HubServer.start();
  await useEngine({ backend: 'cpu' });
});
afterAll(async () => {
  await hub.stop();
  for (const folder of made) rmSync(folder, { recursive: true });
});
beforeEach(() => {
  hub.forget();
  cacheDir = mkdtempSync(join(tmpdir(), 'uniem-hub-model-'));
  made.push(cacheDir);
});

const options = () => ({ endpoint: hub.endpoint, cacheDir, token: false as const, retryDelay: 1 });
const listed = (folder: string) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();

test('a model of the hub gives what its folder gives, of its revision, and is not downloaded twice', async () => {
  const sha = hub.commit('org/tiny', files, { revision: 'v1' });
  hub.commit('org/tiny', { 'config.json': '{}' });
  const texts = ['a tiny model', 'of the hub'];
  const expected = await (await Embedder.fromPretrained(tiny)).encode(texts);
  expect(await (await Embedder.fromPretrained('org/tiny@v1', { hub: options() })).encode(texts)).toEqual(expected);
  hub.forget();
  expect(await modelFolder(`org/tiny@${sha}`, options())).toContain(sha);
  expect(hub.asked.filter(({ url }) => url.includes('/resolve/'))).toEqual([]);
});

test('an adapter of the hub opens with its base, of the revision that it names, which comes from the hub too', async () => {
  const adapters = fileURLToPath(new URL('../../../../fixtures/adapters/bert-list/', import.meta.url));
  const config = JSON.parse(readFileSync(join(adapters, 'adapter_config.json'), 'utf8'));
  const weights = readFileSync(join(adapters, 'adapter_model.safetensors'));
  hub.commit('org/base', files, { revision: 'v1' });
  hub.commit('org/base', { 'config.json': '{}' });
  hub.commit('org/adapter', {
    'adapter_config.json': JSON.stringify({ ...config, base_model_name_or_path: 'org/base', revision: 'v1' }),
    'adapter_model.safetensors': weights,
    'model.safetensors': 'of a checkpoint, which an adapter does not need',
    'optimizer.pt': 'of no use',
  });
  const embedder = await Embedder.fromPretrained('org/adapter', { hub: options() });
  const expected = await Embedder.fromPretrained(adapters, { baseModel: tiny });
  expect(await embedder.encode('a tiny model')).toEqual(await expected.encode('a tiny model'));
  expect(embedder.origin).toMatchObject({ name: 'org/adapter', base: { name: 'org/base@v1' } });
  const folder = await modelFolder('org/adapter', options());
  expect(listed(folder)).toEqual(['adapter_config.json', 'adapter_model.safetensors']);
});

test('only what is needed is downloaded: one form of the weights, and the folders that modules.json names', async () => {
  const modules = [
    { path: '', type: 'sentence_transformers.models.Transformer' },
    { path: '1_Pooling', type: 'sentence_transformers.models.Pooling' },
    { path: '2_Dense', type: 'sentence_transformers.models.Dense' },
  ];
  hub.commit('org/full', {
    'README.md': '# full',
    'config.json': '{}',
    'tokenizer.json': '{}',
    'vocab.txt': 'a',
    'spiece.model': 'a',
    'modules.json': JSON.stringify(modules),
    '1_Pooling/config.json': '{}',
    '2_Dense/config.json': '{}',
    '2_Dense/pytorch_model.bin': 'weights',
    'model.safetensors': 'weights',
    'pytorch_model.bin': 'weights',
    'tf_model.h5': 'weights',
    'onnx/model.onnx': 'weights',
    'onnx/config.json': '{}',
  });
  expect(listed(await modelFolder('org/full', options()))).toEqual([
    '1_Pooling',
    '1_Pooling/config.json',
    '2_Dense',
    '2_Dense/config.json',
    '2_Dense/pytorch_model.bin',
    'README.md',
    'config.json',
    'model.safetensors',
    'modules.json',
    'spiece.model',
    'tokenizer.json',
    'vocab.txt',
  ]);
});

test('the shards of an index come with it', async () => {
  const weight_map = { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' };
  hub.commit('org/shards', {
    'config.json': '{}',
    'model.safetensors.index.json': JSON.stringify({ weight_map }),
    'model-00001-of-00002.safetensors': 'one',
    'model-00002-of-00002.safetensors': 'two',
    'pytorch_model.bin.index.json': '{}',
  });
  expect(listed(await modelFolder('org/shards', options()))).toEqual([
    'config.json',
    'model-00001-of-00002.safetensors',
    'model-00002-of-00002.safetensors',
    'model.safetensors.index.json',
  ]);
});

test.each(['{', 'null', '[{"path":'])(
  'modules.json or an index of %j is a ModelError, not a SyntaxError',
  async (text) => {
    for (const name of ['modules.json', 'model.safetensors.index.json']) {
      hub.commit(`org/broken-${name.length}`, { 'config.json': '{}', [name]: text });
      const opened = Embedder.fromPretrained(`org/broken-${name.length}`, { hub: options() });
      await expect(opened).rejects.toThrow(ModelError);
      await expect(opened).rejects.toThrow(name);
    }
  },
);

test('what is neither a folder nor a name of the hub is refused', async () => {
  for (const model of ['nowhere', '/no/such/folder', 'a/b/c', 'org/name:configuration']) {
    await expect(modelFolder(model, options())).rejects.toThrow(
      `${model}: no such model folder\n  fix: give the folder that holds config.json, or a model of the hub as owner/name[@revision]`,
    );
  }
  await expect(modelFolder('org/gone', options())).rejects.toThrow(
    'org/gone@main: not found (404)\n  fix: check the name of the model and the revision',
  );
  expect(hub.asked.every(({ url }) => url.includes('org/gone'))).toBe(true);
});
