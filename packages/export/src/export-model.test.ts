/** Export of the real all-MiniLM-L6-v2, and of tiny models: files, sizes, what is refused, what is left behind. */

import { cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

import { AutoModel, AutoTokenizer, env, pipeline } from '@huggingface/transformers';
import { Embedder, useEngine } from '@uniem/core';
import { beforeAll, describe, expect, test } from 'vitest';

import { minilmFolder } from '../../../examples/minilm.ts';
import { temporaryFolder, tinyModel, tinyTexts } from '../test/tiny-models.ts';
import { exportModel } from './export-model.ts';
import { ONNX_FILES } from './formats/onnx.ts';
import { loadRuntime, OnnxSession } from './onnx/session.ts';

const FIXTURES = fileURLToPath(new URL('../../../fixtures/', import.meta.url));

/** 64 texts of WordNet: words, and their definitions. */
const TEXTS = gunzipSync(readFileSync(join(FIXTURES, 'minilm', 'pairs.jsonl.gz')))
  .toString('utf8')
  .split('\n')
  .slice(0, 32)
  .flatMap((line) => {
    const { text, text_pos: other } = JSON.parse(line) as { text: string; text_pos: string };
    return [text, other];
  });

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);

/** Cosines of all pairs of rows of unit length. */
const pairs = (rows: readonly Float32Array[]) =>
  rows.flatMap((row, i) => rows.slice(0, i).map((other) => dot(row, other)));

function ranks(values: readonly number[]): number[] {
  const order = [...values.keys()].sort((a, b) => (values[a] as number) - (values[b] as number));
  const result = new Array<number>(values.length);
  order.forEach((index, rank) => {
    result[index] = rank;
  });
  return result;
}

/** Without ties. */
function spearman(a: readonly number[], b: readonly number[]): number {
  const [x, y] = [ranks(a), ranks(b)];
  const n = x.length;
  const squares = x.reduce((sum, rank, i) => sum + (rank - (y[i] as number)) ** 2, 0);
  return 1 - (6 * squares) / (n * (n * n - 1));
}

beforeAll(async () => {
  await useEngine({ backend: 'native' });
});

describe('all-MiniLM-L6-v2', () => {
  const root = temporaryFolder();
  const output = join(root, 'minilm');
  let vectors: Float32Array[];

  async function vectorsOf(file: string): Promise<Float32Array[]> {
    const session = await OnnxSession.open((await loadRuntime()) as never, join(output, 'onnx', file));
    const embedder = await Embedder.fromPretrained(minilmFolder());
    const rows: Float32Array[] = [];
    for (let start = 0; start < TEXTS.length; start += 32) {
      const texts = TEXTS.slice(start, start + 32);
      const { sentenceEmbedding } = await session.run(texts.map((text) => embedder.tokenizer.encode(text, 256)));
      rows.push(...texts.map((_, b) => sentenceEmbedding.slice(b * 384, (b + 1) * 384)));
    }
    embedder.dispose();
    await session.close();
    return rows;
  }

  beforeAll(async () => {
    const embedder = await Embedder.fromPretrained(minilmFolder());
    vectors = await embedder.encode(TEXTS, { progressBar: false });
    const precision = ['fp32', 'fp16', 'int8', 'int8-vnni'] as const;
    const report = await exportModel(embedder, { format: 'onnx', output, precision: [...precision] });
    expect(report.files.map(({ path }) => path)).toEqual(precision.map((name) => `onnx/${ONNX_FILES[name].name}`));
    for (const { cosine } of report.files) expect(cosine).toBeGreaterThan(0.98);
    expect(report.notes).toEqual([]);
    embedder.dispose();
  }, 120_000);

  test.each([
    ['model.onnx', 0.999999, 0.9999],
    ['model_fp16.onnx', 0.9999, 0.999],
    ['model_quantized.onnx', 0.985, 0.99],
    ['model_qint8_avx512_vnni.onnx', 0.98, 0.99],
  ])('%s: cosine at worst %d, order of similarities %d', async (file, cosine, order) => {
    const found = await vectorsOf(file);
    expect(Math.min(...found.map((row, i) => dot(row, vectors[i] as Float32Array)))).toBeGreaterThanOrEqual(cosine);
    expect(spearman(pairs(found), pairs(vectors))).toBeGreaterThanOrEqual(order);
  });

  test('int8 takes at most 26 % of fp32, and fp16 half', () => {
    const size = (file: string) => statSync(join(output, 'onnx', file)).size;
    expect(size('model_quantized.onnx') / size('model.onnx')).toBeLessThanOrEqual(0.26);
    expect(size('model_fp16.onnx') / size('model.onnx')).toBeLessThanOrEqual(0.51);
  });

  test('opens in transformers.js, as a pipeline and as a model', async () => {
    env.allowRemoteModels = false;
    env.localModelPath = root;
    for (const [dtype, least] of [
      ['fp32', 0.999999],
      ['q8', 0.985],
    ] as const) {
      const extract = await pipeline('feature-extraction', 'minilm', { dtype });
      const { data } = await extract(TEXTS.slice(0, 8), { pooling: 'mean', normalize: true });
      for (let b = 0; b < 8; b++) {
        const row = (data as Float32Array).subarray(b * 384, (b + 1) * 384);
        expect(dot(row, vectors[b] as Float32Array), dtype).toBeGreaterThanOrEqual(least);
      }
      await extract.dispose();
    }
    const model = await AutoModel.from_pretrained('minilm', { dtype: 'fp32' });
    const tokenizer = await AutoTokenizer.from_pretrained('minilm');
    const outputs = await model(tokenizer(TEXTS.slice(0, 8), { padding: true }));
    expect(Object.keys(outputs)).toEqual(['last_hidden_state', 'sentence_embedding']);
    for (let b = 0; b < 8; b++) {
      const row = (outputs.sentence_embedding.data as Float32Array).subarray(b * 384, (b + 1) * 384);
      expect(dot(row, vectors[b] as Float32Array)).toBeGreaterThanOrEqual(0.999999);
    }
    await model.dispose();
  });
});

/** A layout with a Dense layer, normalization and a cut, over the tiny model. */
const LAYOUT = {
  'modules.json': [
    { idx: 0, name: '0', path: '', type: 'sentence_transformers.models.Transformer' },
    { idx: 1, name: '1', path: '1_Pooling', type: 'sentence_transformers.models.Pooling' },
    { idx: 2, name: '2', path: '2_Normalize', type: 'sentence_transformers.models.Normalize' },
  ],
  '1_Pooling/config.json': { pooling_mode_cls_token: true, pooling_mode_max_tokens: true, include_prompt: false },
  'config_sentence_transformers.json': { truncate_dim: 24, prompts: { query: '1 2 ' } },
};

async function onnxVectors(folder: string, embedder: Embedder, texts: string[]): Promise<Float32Array[]> {
  const session = await OnnxSession.open((await loadRuntime()) as never, join(folder, 'onnx', 'model.onnx'));
  const ids = texts.map((text) => embedder.tokenizer.encode(text, embedder.maxLength));
  const { sentenceEmbedding } = await session.run(ids, 'left');
  await session.close();
  const width = sentenceEmbedding.length / texts.length;
  return texts.map((_, b) => sentenceEmbedding.subarray(b * width, (b + 1) * width));
}

test('several poolings, normalization and truncate_dim are in the graph; prompts are told of', async () => {
  const model = tinyModel('ernie', LAYOUT);
  const output = join(temporaryFolder(), 'out');
  const { notes } = await exportModel(model, { format: 'onnx', output, precision: ['fp32'] });
  expect(notes).toEqual([
    'prompts (query) are put before a text by the caller: the graph begins with token ids',
    "sentence_embedding pools a prompt's tokens too, which this model leaves out; sentence-transformers pools last_hidden_state itself and leaves them out",
  ]);
  const embedder = await Embedder.fromPretrained(model);
  const texts = tinyTexts(64);
  const expected = await embedder.encode(texts, { progressBar: false });
  const found = await onnxVectors(output, embedder, texts);
  found.forEach((row, b) => {
    const own = expected[b] as Float32Array;
    expect(row.length).toBe(24);
    row.forEach((value, i) => {
      expect(value).toBeCloseTo(own[i] as number, 5);
    });
  });
  embedder.dispose();
});

test('Dense layers are in the graph, with their activation', async () => {
  const model = join(temporaryFolder(), 'dense'); // its encoder is fixtures/tiny-bert
  cpSync(join(FIXTURES, 'tiny-bert', 'model'), model, { recursive: true });
  cpSync(join(FIXTURES, 'sentence-transformers', 'compact', 'dense'), model, { recursive: true });
  const output = join(temporaryFolder(), 'out');
  await exportModel(model, { format: 'onnx', output, precision: ['fp32'] });
  const embedder = await Embedder.fromPretrained(model);
  const texts = ['hello world', 'a', 'the quick brown fox'];
  const expected = await embedder.encode(texts, { prompt: '', progressBar: false });
  const found = await onnxVectors(output, embedder, texts);
  found.forEach((row, b) => {
    expect([...row]).toHaveLength(embedder.dimension);
    row.forEach((value, i) => {
      expect(value).toBeCloseTo((expected[b] as Float32Array)[i] as number, 5);
    });
  });
  embedder.dispose();
});

describe('folders of the Python libraries', () => {
  test('sentence-transformers: opens as the same model', async () => {
    const output = join(temporaryFolder(), 'out');
    const { files, notes } = await exportModel(tinyModel('ernie', LAYOUT), { format: 'sentence-transformers', output });
    expect(files[0]?.cosine).toBeGreaterThanOrEqual(0.999999);
    expect(notes).toEqual([]);
    expect(existsSync(join(output, '1_Pooling', 'config.json'))).toBe(true);
  });

  test('transformers: a plain encoder, and what it leaves out is told', async () => {
    const output = join(temporaryFolder(), 'out');
    const { files, notes } = await exportModel(tinyModel('ernie', LAYOUT), { format: 'transformers', output });
    expect(files[0]?.cosine).toBeGreaterThanOrEqual(0.999999);
    expect(notes).toEqual(['the folder is a plain encoder: pooling, normalization, prompts are left to the caller']);
    expect(readdirSync(output).sort()).toEqual([
      'config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
  });

  test('sentence-transformers has no name for poolings of two layers', async () => {
    const embedder = await Embedder.fromPretrained(tinyModel('ernie'), { poolingStrategy: 'first_last_mean' });
    const output = join(temporaryFolder(), 'out');
    await expect(exportModel(embedder, { format: 'sentence-transformers', output })).rejects.toThrow(
      /sentence-transformers has no pooling first_last_mean\n {2}fix: use --format onnx/,
    );
    expect(existsSync(output)).toBe(false);
    embedder.dispose();
  });
});

describe('an export leaves nothing that looks whole', () => {
  test('where its vectors are not the model’s', async () => {
    const embedder = await Embedder.fromPretrained(tinyModel('ernie'));
    const own = embedder.encode.bind(embedder);
    embedder.encode = async (texts, options) => (await own(texts, options)).map((row) => row.map((x, i) => x + i)); // a wrong reference
    const parent = temporaryFolder();
    const output = join(parent, 'out');
    await expect(exportModel(embedder, { format: 'onnx', output })).rejects.toThrow(
      /^onnx\/model\.onnx: gives vectors of cosine -?\d\.\d+ to this library's, less than 0\.99999; nothing was written\n {2}fix: /,
    );
    expect(readdirSync(parent)).toEqual([]);
    embedder.dispose();
  });

  test('in the model’s own folder, in one of weights, in somebody else’s', async () => {
    const model = tinyModel('ernie');
    const run = (output: string) => exportModel(model, { format: 'onnx', output });
    await expect(run(model)).rejects.toThrow('the folder holds the model that is exported\n  fix: give a new folder');
    await expect(run(join(model, '..'))).rejects.toThrow('the folder holds the model that is exported');
    await expect(run(tinyModel('gpt2'))).rejects.toThrow("the folder holds a model's weights (model.safetensors)");
    const other = temporaryFolder();
    writeFileSync(join(other, 'thesis.txt'), 'text');
    await expect(run(other)).rejects.toThrow('the folder holds something else (thesis.txt)');
    expect(readdirSync(other)).toEqual(['thesis.txt']);
  });

  test('where the folder cannot be written', async () => {
    const parent = temporaryFolder();
    writeFileSync(join(parent, 'file'), '');
    await expect(
      exportModel(tinyModel('ernie'), { format: 'onnx', output: join(parent, 'file', 'out') }),
    ).rejects.toThrow(/could not be saved[\s\S]*\n {2}fix: free disk space or choose another folder/);
  });

  test('and an earlier export is replaced', async () => {
    const output = join(temporaryFolder(), 'out');
    const model = tinyModel('ernie');
    await exportModel(model, { format: 'onnx', output, precision: ['fp32', 'fp16'] });
    await exportModel(model, { format: 'onnx', output, precision: ['int8'], check: false });
    expect(readdirSync(join(output, 'onnx'))).toEqual(['model_quantized.onnx']);
  });
});

test('an unknown format or precision is refused by its name', async () => {
  const refused = (options: object) => exportModel('nowhere', { output: 'x', ...options } as never);
  await expect(refused({ format: 'coreml' })).rejects.toThrow(/^format: Invalid option: expected one of "onnx"/);
  await expect(refused({ format: 'onnx', precision: ['int4'] })).rejects.toThrow(/^precision: Invalid option/);
});

test('a StaticEmbedding is refused as ONNX', async () => {
  const model = join(FIXTURES, 'sentence-transformers', 'compact', 'static');
  await expect(exportModel(model, { format: 'onnx', output: join(temporaryFolder(), 'out') })).rejects.toThrow(
    /a StaticEmbedding has no config\.json[\s\S]*fix: use --format sentence-transformers/,
  );
});
