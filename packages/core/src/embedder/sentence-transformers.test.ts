/** Against fixtures/sentence-transformers/generate.py: folders saved by sentence-transformers 6.2 and their vectors. */

import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { useEngine } from '../engine/engine.ts';
import { openSafetensors, type StoredTensor, writeSafetensors } from '../formats/safetensors.ts';
import { Embedder } from './embedder.ts';

const fixtures = fileURLToPath(new URL('../../../../fixtures/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-layout-'));
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(async () => {
  await useEngine({ backend: 'tensorflow' });
});

interface Golden {
  maxLength: number;
  texts: string[];
  modes: Record<string, { vectors: number[][]; inputIds: number[][] }>;
  dense: { prompts: Record<string, string> } & Record<DenseVectors, number[][]>;
  static: { vectors: number[][] };
}
type DenseVectors = 'document' | 'query' | 'none' | 'truncated' | 'truncatedNormalized';

const golden = JSON.parse(readFileSync(join(fixtures, 'sentence-transformers', 'expected.json'), 'utf8')) as Golden;

const STRATEGIES = {
  cls: 'cls',
  mean: 'last_mean',
  weightedmean: 'last_weighted',
  lasttoken: 'last_token',
  max: 'last_max',
  mean_sqrt_len_tokens: 'last_mean_sqrt_len',
  'cls+mean': ['cls', 'last_mean'],
  'mean+max': ['last_mean', 'last_max'],
} as const;

/** The tiny BERT with the files that sentence-transformers saved around it. */
function compact(mode: string): string {
  const target = join(folder, mode);
  cpSync(join(fixtures, 'tiny-bert', 'model'), target, { recursive: true });
  cpSync(join(fixtures, 'sentence-transformers', 'compact', mode), target, { recursive: true });
  return target;
}

async function expectVectors(embedder: Embedder, mode: string): Promise<void> {
  expectEqual(await embedder.encode(golden.texts), golden.modes[mode]?.vectors as number[][]);
}

function expectEqual(vectors: readonly Float32Array[], all: readonly number[][]): void {
  expect(vectors).toHaveLength(all.length);
  vectors.forEach((vector, i) => {
    const expected = all[i] as number[];
    expect(vector).toHaveLength(expected.length);
    const largest = Math.max(...expected.map((value, j) => Math.abs(value - (vector[j] as number))));
    expect(largest, golden.texts[i]).toBeLessThan(1e-5);
  });
}

describe.each(Object.entries(STRATEGIES))('pooling_mode %s', (mode, strategy) => {
  test('is read from the compact layout, with its length and normalization', async () => {
    const embedder = await Embedder.fromPretrained(compact(mode));
    expect(embedder.poolingStrategy).toEqual(strategy);
    expect(embedder.poolingReason).toBe('modules.json says so');
    expect(embedder.normalize).toBe(mode !== 'cls');
    expect(embedder.maxLength).toBe(golden.maxLength);
    const ids = golden.texts.map((text) => [...embedder.tokenizer.encode(text, embedder.maxLength)]);
    expect(ids).toEqual(golden.modes[mode]?.inputIds);
    await expectVectors(embedder, mode);
  });

  test('is written in the classic layout and read back', async () => {
    const saved = join(folder, `${mode}-saved`);
    await (await Embedder.fromPretrained(compact(mode))).save(saved);
    const json = (path: string) => JSON.parse(readFileSync(join(saved, path), 'utf8'));
    const classes = mode === 'cls' ? ['Transformer', 'Pooling'] : ['Transformer', 'Pooling', 'Normalize'];
    expect(json('modules.json').map(({ type }: { type: string }) => type)).toEqual(
      classes.map((name) => `sentence_transformers.models.${name}`),
    );
    const { pooling_mode: list, ...pooling } = json('1_Pooling/config.json');
    const flags = Object.entries(pooling).filter(([key, on]) => key.startsWith('pooling_mode_') && on === true);
    if (mode === 'mean+max')
      expect(list).toEqual(['mean', 'max']); // flags would say max first
    else expect(flags).toHaveLength([strategy].flat().length);
    expect(json('config.json').uniem_pooling_strategy).toBe(typeof strategy === 'string' ? strategy : undefined);
    expect(json('sentence_bert_config.json').max_seq_length).toBe(golden.maxLength);
    const again = await Embedder.fromPretrained(saved);
    expect(again.maxLength).toBe(golden.maxLength);
    await expectVectors(again, mode);
  });
});

test("modules.json says more than config.json's uniem_pooling_strategy, which is for poolings without a name there", async () => {
  const target = compact('mean');
  const config = JSON.parse(readFileSync(join(target, 'config.json'), 'utf8'));
  writeFileSync(join(target, 'config.json'), JSON.stringify({ ...config, uniem_pooling_strategy: 'cls' }));
  expect((await Embedder.fromPretrained(target)).poolingStrategy).toBe('last_mean');
  const saved = join(folder, 'two-layers');
  await (await Embedder.fromPretrained(target, { poolingStrategy: 'first_last_mean' })).save(saved);
  expect(existsSync(join(saved, 'modules.json'))).toBe(false);
  expect((await Embedder.fromPretrained(saved)).poolingStrategy).toBe('first_last_mean');
});

test('poolings that a saved folder has no name for are not saved', async () => {
  const embedder = await Embedder.fromPretrained(compact('mean'), { poolingStrategy: ['first_last_mean', 'cls'] });
  const target = join(folder, 'nameless');
  await expect(embedder.save(target)).rejects.toThrow(
    'poolingStrategy: first_last_mean and cls has no name in a saved folder\n  fix: use cls, last_max, last_mean,',
  );
  expect(existsSync(target)).toBe(false);
  const dense = await Embedder.fromPretrained(compact('dense'), { poolingStrategy: 'first_last_mean' });
  expect(() => dense.requireSaveable()).toThrow('first_last_mean before Dense has no name in a saved folder');
});

test('a pooling without a name keeps length, normalization and prompts in a saved folder', async () => {
  const target = compact('mean');
  const settings = { prompts: { query: 'the end of ', passage: 'dogs ' }, default_prompt_name: 'query' };
  writeFileSync(join(target, 'config_sentence_transformers.json'), JSON.stringify(settings));
  const embedder = await Embedder.fromPretrained(target, { poolingStrategy: 'first_last_mean' });
  const saved = join(folder, 'nameless-saved');
  await embedder.save(saved);
  const again = await Embedder.fromPretrained(saved);
  expect([again.maxLength, again.normalize, again.prompts]).toEqual([golden.maxLength, true, settings.prompts]);
  expect(await again.encode(golden.texts)).toEqual(await embedder.encode(golden.texts));
  await again.save(saved);
  expect((await Embedder.fromPretrained(saved)).normalize).toBe(true);
});

test("encodeQuery and encodeDocument take no other prompt, as sentence-transformers' do", async () => {
  const target = compact('mean');
  const settings = { prompts: { passage: 'dogs ' }, default_prompt_name: 'passage' };
  writeFileSync(join(target, 'config_sentence_transformers.json'), JSON.stringify(settings));
  const embedder = await Embedder.fromPretrained(target);
  const plain = await embedder.encode(golden.texts, { prompt: '' });
  expect(await embedder.encodeQuery(golden.texts)).toEqual(plain);
  expect(await embedder.encodeDocument(golden.texts)).toEqual(plain);
  expect(await embedder.encodeDocument(golden.texts, { promptName: 'passage' })).toEqual(
    await embedder.encode(golden.texts),
  );
});

test('a model of half precision is saved as what its weights are: float32', async () => {
  const target = compact('mean');
  const config = JSON.parse(readFileSync(join(target, 'config.json'), 'utf8'));
  writeFileSync(join(target, 'config.json'), JSON.stringify({ ...config, torch_dtype: 'bfloat16', dtype: 'bfloat16' }));
  const saved = join(folder, 'half-saved');
  await (await Embedder.fromPretrained(target)).save(saved);
  const written = JSON.parse(readFileSync(join(saved, 'config.json'), 'utf8'));
  expect([written.torch_dtype, written.dtype]).toEqual(['float32', 'float32']);
});

test('do_lower_case leaves special tokens as they are', async () => {
  const target = compact('mean');
  writeFileSync(join(target, 'tokenizer_config.json'), '{"do_lower_case": false}');
  const ids = async (text: string) => [...(await Embedder.fromPretrained(target)).tokenizer.encode(text, 12)];
  const expected = await ids('the [MASK] cat');
  expect(await ids('THE [MASK] Cat')).not.toEqual(expected);
  writeFileSync(join(target, 'sentence_bert_config.json'), '{"max_seq_length": 12, "do_lower_case": true}');
  expect(await ids('THE [MASK] Cat')).toEqual(expected);
});

test('the list form of pooling_mode with one name is read', async () => {
  const target = compact('mean');
  writeFileSync(join(target, '1_Pooling', 'config.json'), '{"embedding_dimension": 32, "pooling_mode": ["lasttoken"]}');
  expect((await Embedder.fromPretrained(target)).poolingStrategy).toBe('last_token');
});

test.each([
  ['modules.json', '{"a": 1}', 'is not a list of modules, each with type and path'],
  ['modules.json', '[{"type": "sentence_transformers.models.Pooling"}]', 'is not a list of modules'],
  ['modules.json', '[', 'not JSON ('],
  [
    'modules.json',
    '[{"path": "", "type": "my.Router"}]',
    'module my.Router is not supported at the beginning\n  fix: use',
  ],
  ['modules.json', '[{"path": "../x", "type": "my.Transformer"}]', 'module path "../x" leads out of the folder\n'],
  ['config_sentence_transformers.json', '{"prompts": {"query": 1}}', 'prompts.query: Invalid input: expected string'],
  ['config_sentence_transformers.json', '{"truncate_dim": 0}', 'truncate_dim: Too small: expected number to be >0'],
  ['1_Pooling/config.json', '[]', 'does not hold a JSON object'],
  ['1_Pooling/config.json', '{"pooling_mode": "sum"}', 'pooling "sum" is not supported\n  fix: use cls, max, mean,'],
])('%s holding %s is refused', async (name, content, text) => {
  const target = compact('mean');
  writeFileSync(join(target, name), content);
  await expect(Embedder.fromPretrained(target)).rejects.toThrow(`${join(target, name)}: ${text}`);
});

describe('Dense modules, with prompts that are not pooled', () => {
  const saved = join(folder, 'dense-saved');

  test.each(['as sentence-transformers saved them', 'as save writes them'])('%s', async (source) => {
    if (source === 'as save writes them') await (await Embedder.fromPretrained(compact('dense'))).save(saved);
    const embedder = await Embedder.fromPretrained(source === 'as save writes them' ? saved : compact('dense'));
    const { texts, dense } = golden;
    expect(embedder.prompts).toEqual(dense.prompts);
    expectEqual(await embedder.encode(texts), dense.document); // the default prompt
    expectEqual(await embedder.encodeDocument(texts), dense.document);
    expectEqual(await embedder.encodeQuery(texts), dense.query);
    expectEqual(await embedder.encode(texts, { prompt: dense.prompts.query }), dense.query);
    expectEqual(await embedder.encode(texts, { prompt: '' }), dense.none);
    expectEqual(await embedder.encode(texts, { truncateDim: 4 }), dense.truncated);
    expectEqual(await embedder.encode(texts, { truncateDim: 4, normalize: true }), dense.truncatedNormalized);
  });

  test('are saved under the classic names of their classes', () => {
    const types = JSON.parse(readFileSync(join(saved, 'modules.json'), 'utf8')).map(
      ({ type }: { type: string }) => type,
    );
    const classes = ['Transformer', 'Pooling', 'Dense', 'Dense', 'Normalize'];
    expect(types).toEqual(classes.map((name) => `sentence_transformers.models.${name}`));
  });

  test('a prompt that the model has not, and a width that does not fit, are refused', async () => {
    const embedder = await Embedder.fromPretrained(compact('dense'));
    await expect(embedder.encode(['a'], { promptName: 'passage' })).rejects.toThrow(
      "promptName: the model has no prompt 'passage'\n  fix: use one of document, query",
    );
    await expect(embedder.encode(['a'], { truncateDim: 0 })).rejects.toThrow(
      'truncateDim: must be a whole number above 0',
    );
    const poolingStrategy = ['cls', 'last_mean'] as const;
    await expect(Embedder.fromPretrained(compact('dense'), { poolingStrategy })).rejects.toThrow(
      '2_Dense takes 32 values, but 64 come before it\n  fix: leave poolingStrategy out',
    );
  });
});

describe('a StaticEmbedding', () => {
  const source = join(fixtures, 'sentence-transformers', 'compact', 'static');
  const saved = join(folder, 'static-saved');

  test('gives the means of its words, also when saved', async () => {
    const embedder = await Embedder.fromPretrained(source);
    expectEqual(await embedder.encode(golden.texts), golden.static.vectors);
    await embedder.save(saved);
    await embedder.save(saved); // again over itself
    expectEqual(await (await Embedder.fromPretrained(saved)).encode(golden.texts), golden.static.vectors);
  });

  test("model2vec's names are read, with its weights", async () => {
    const target = join(folder, 'model2vec');
    cpSync(source, target, { recursive: true });
    const table = openSafetensors(join(source, 'model.safetensors')).get('embedding.weight') as StoredTensor;
    const [rows] = table.shape as [number];
    const halves = table.read().map((value) => value / 2);
    const tensors = {
      embeddings: { shape: table.shape, values: halves },
      weights: { shape: [rows], values: new Float32Array(rows).fill(2) },
    };
    writeSafetensors(join(target, 'model.safetensors'), new Map(Object.entries(tensors)));
    expectEqual(await (await Embedder.fromPretrained(target)).encode(golden.texts), golden.static.vectors);
  });

  test('has no other pooling', async () => {
    await expect(Embedder.fromPretrained(source, { poolingStrategy: 'last_max' })).rejects.toThrow(
      'poolingStrategy: a StaticEmbedding is the mean of its words\n  fix: leave it out',
    );
  });

  test('without a table, or with one too small, is refused', async () => {
    const target = join(folder, 'no-table');
    cpSync(source, target, { recursive: true });
    const path = join(target, 'model.safetensors');
    writeSafetensors(path, new Map([['x', { shape: [1], values: new Float32Array(1) }]]));
    await expect(Embedder.fromPretrained(target)).rejects.toThrow(`${path}: holds no table embedding.weight\n`);
    writeSafetensors(path, new Map([['embedding.weight', { shape: [2, 4], values: new Float32Array(8) }]]));
    await expect(Embedder.fromPretrained(target)).rejects.toThrow(/has 2 rows for the \d+ tokens of tokenizer.json\n/);
  });
});
