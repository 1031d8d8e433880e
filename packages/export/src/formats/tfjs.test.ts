/** Export as a GraphModel: its files, how weights are stored, what is refused and what is told. */

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import * as tf from '@tensorflow/tfjs-core';
import { Embedder, useEngine } from '@uniem/core';
import { beforeAll, describe, expect, test } from 'vitest';

import { minilmFolder } from '../../../../examples/minilm.ts';
import { temporaryFolder, tinyModel } from '../../test/tiny-models.ts';
import { exportModel } from '../export-model.ts';

const SHARD = 4 * 2 ** 20;

beforeAll(async () => {
  await useEngine({ backend: 'native' });
});

const output = () => join(temporaryFolder(), 'out');

/** The command, in a process of its own. */
function uniem(args: string[], { before = '', options = [] as string[] } = {}) {
  const bin = fileURLToPath(new URL('../../../cli/bin/uniem.js', import.meta.url));
  const script = `${before}exec "$@"`;
  const command = [process.execPath, ...options, bin, 'export', '--format', 'tfjs', '--backend', 'cpu', ...args];
  return spawnSync('bash', ['-c', script, 'bash', ...command], { encoding: 'utf8' });
}

describe('all-MiniLM-L6-v2', () => {
  // The least cosines are those of texts of up to 16 tokens; measured 0.99999996 and 0.9847.
  test.each([
    ['float16', 2, 0.9999],
    ['uint8', 4, 0.98],
  ] as const)('in %s is a part of the download', async (weights, times, least) => {
    const folder = output();
    const { files, notes } = await exportModel(minilmFolder(), { format: 'tfjs', output: folder, weights });
    expect(notes).toEqual([]);
    expect(files[0]?.path).toBe('model.json');
    expect(files[0]?.cosine).toBeGreaterThanOrEqual(least);
    const shards = readdirSync(folder).filter((name) => name.endsWith('.bin'));
    const sizes = shards.map((name) => statSync(join(folder, name)).size).sort((a, b) => b - a);
    expect(sizes.slice(0, -1)).toEqual(sizes.slice(1).map(() => SHARD));
    const float32 = 90_261_504; // the parameters in the graph, and its constants
    const total = sizes.reduce((a, b) => a + b, 0);
    expect(total / float32).toBeCloseTo(1 / times, 2);
    expect(total).toBe(files[1]?.bytes);
  });
});

test('model.json names inputs, outputs and weights as TF.js reads them', async () => {
  const folder = output();
  const model = tinyModel('ernie', {
    'modules.json': [
      { idx: 0, name: '0', path: '', type: 'sentence_transformers.models.Transformer' },
      { idx: 1, name: '1', path: '1_Pooling', type: 'sentence_transformers.models.Pooling' },
    ],
    '1_Pooling/config.json': { pooling_mode_cls_token: true, include_prompt: false },
    'config_sentence_transformers.json': { truncate_dim: 24, prompts: { query: '1 2 ' }, default_prompt_name: 'query' },
  });
  const { notes } = await exportModel(model, { format: 'tfjs', output: folder });
  expect(notes).toHaveLength(2);
  expect(notes[0]).toContain('prompts (query) are put before a text by the caller');
  const json = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));
  const ids = { dtype: 'DT_INT32', tensorShape: { dim: [{ size: '-1' }, { size: '-1' }] } };
  expect(json.signature.inputs).toEqual({
    input_ids: { name: 'input_ids:0', ...ids },
    attention_mask: { name: 'attention_mask:0', ...ids },
    token_type_ids: { name: 'token_type_ids:0', ...ids },
  });
  expect(Object.keys(json.signature.outputs)).toEqual(['last_hidden_state', 'sentence_embedding']);
  expect(json.userDefinedMetadata.uniem).toEqual({
    dimension: 24,
    maxLength: 32,
    normalize: false,
    prompts: { query: '1 2 ' },
    defaultPromptName: 'query',
    poolsPrompt: false,
    lowerCase: false,
    addSpecialTokens: true,
  });
  const names = json.weightsManifest[0].weights.map(({ name }: { name: string }) => name);
  expect(names).toContain('encoder.layer.0.attention.self.query.weight');
  expect(new Set(names).size).toBe(names.length);
  expect(readdirSync(folder).sort()).toEqual(['group1-shard1of1.bin', 'model.json', 'tokenizer.json']);
});

test('a weight that float16 has no number for is refused by its name', async () => {
  const embedder = await Embedder.fromPretrained(tinyModel('ernie'));
  const [name] = [...embedder.parameters.keys()].filter((key) => key.endsWith('query.bias')) as [string];
  const variable = embedder.parameters.get(name) as tf.Variable;
  tf.tidy(() => variable.assign(tf.fill(variable.shape, 1e6)));
  await expect(exportModel(embedder, { format: 'tfjs', output: output(), weights: 'float16' })).rejects.toThrow(
    `tensor ${name}: 1000000 does not fit float16, whose largest number is 65504\n  fix: use --weights float32`,
  );
  embedder.dispose();
});

describe('an export leaves nothing that looks whole', () => {
  test('where its vectors are not the model’s', async () => {
    const embedder = await Embedder.fromPretrained(tinyModel('ernie'));
    const own = embedder.encode.bind(embedder);
    embedder.encode = async (texts, options) => (await own(texts, options)).map((row) => row.map((x, i) => x + i)); // a wrong reference
    const folder = output();
    await expect(exportModel(embedder, { format: 'tfjs', output: folder })).rejects.toThrow(
      /^model\.json: gives vectors of cosine -?\d\.\d+ to this library's, less than 0\.99999; nothing was written\n/,
    );
    expect(readdirSync(join(folder, '..'))).toEqual([]);
    embedder.dispose();
  });

  test('on a full disk', () => {
    const folder = output();
    const args = ['--model', tinyModel('ernie'), '--output', folder];
    const { status, stderr } = uniem(args, { before: 'ulimit -f 32; ' }); // KiB
    expect(stderr).toMatch(/could not be saved \(EFBIG: file too large, write\)\n {2}fix: free disk space or choose/);
    expect(status).toBe(1);
    expect(readdirSync(join(folder, '..'))).toEqual([]);
  });

  test('in somebody else’s folder, but an earlier export is replaced', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'thesis.txt'), 'text');
    const model = tinyModel('ernie');
    const run = (to: string) => exportModel(model, { format: 'tfjs', output: to, check: false });
    await expect(run(folder)).rejects.toThrow('the folder holds something else (thesis.txt)\n  fix: give a new folder');
    const target = output();
    await run(target);
    writeFileSync(join(target, 'group1-shard2of2.bin'), 'old');
    await run(target);
    expect(existsSync(join(target, 'group1-shard2of2.bin'))).toBe(false);
  });
});

test('what is another format’s is refused', async () => {
  const weights = { format: 'onnx', weights: 'uint8', output: output() } as const;
  await expect(exportModel('nowhere', weights)).rejects.toThrow(
    'weights: uint8 is for format tfjs (received format onnx)\n  fix: leave it out',
  );
  await expect(exportModel('nowhere', { format: 'tfjs', precision: ['fp16'], output: output() })).rejects.toThrow(
    'precision: fp16 is for format onnx (received format tfjs)\n  fix: leave it out',
  );
});

test('where TF.js’s converter is not installed, the command says what was not checked', () => {
  const hooks = join(temporaryFolder(), 'hooks.mjs');
  const missing = "name === '@tensorflow/tfjs-converter' ? '@uniem/not-installed' : name";
  writeFileSync(hooks, `export const resolve = (name, context, next) => next(${missing}, context);`);
  const register = join(temporaryFolder(), 'register.mjs');
  writeFileSync(register, `import { register } from 'node:module'; register(${JSON.stringify(pathToFileURL(hooks))});`);
  const options = ['--import', register];
  const { stderr, status } = uniem(['--model', tinyModel('ernie'), '--output', output()], { options });
  expect(stderr).toContain(
    'note: the GraphModel was not run: @tensorflow/tfjs-converter is not installed (npm install @tensorflow/tfjs-converter)\n',
  );
  expect(stderr).not.toContain('least cosine');
  expect(status).toBe(0);
});
