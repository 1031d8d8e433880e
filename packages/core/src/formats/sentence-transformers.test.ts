/** Against fixtures/sentence-transformers/generate.py: folders saved by sentence-transformers 6.2 and their vectors. */

import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { Embedder } from '../embedder.ts';
import { useEngine } from '../engine.ts';

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
}
const golden = JSON.parse(readFileSync(join(fixtures, 'sentence-transformers', 'expected.json'), 'utf8')) as Golden;

const STRATEGIES = { cls: 'cls', mean: 'last_mean', weightedmean: 'last_weighted', lasttoken: 'last_token' } as const;

/** The tiny BERT with the files that sentence-transformers saved around it. */
function compact(mode: string): string {
  const target = join(folder, mode);
  cpSync(join(fixtures, 'tiny-bert', 'model'), target, { recursive: true });
  cpSync(join(fixtures, 'sentence-transformers', 'compact', mode), target, { recursive: true });
  return target;
}

async function expectVectors(embedder: Embedder, mode: string): Promise<void> {
  const vectors = await embedder.encode(golden.texts);
  vectors.forEach((vector, i) => {
    const expected = golden.modes[mode]?.vectors[i] as number[];
    expect(vector).toHaveLength(expected.length);
    const largest = Math.max(...expected.map((value, j) => Math.abs(value - (vector[j] as number))));
    expect(largest, golden.texts[i]).toBeLessThan(1e-5);
  });
}

describe.each(Object.entries(STRATEGIES))('pooling_mode %s', (mode, strategy) => {
  test('is read from the compact layout, with its length and normalization', async () => {
    const embedder = await Embedder.fromPretrained(compact(mode));
    expect(embedder.poolingStrategy).toBe(strategy);
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
    const flags = Object.entries(json('1_Pooling/config.json')).filter(([key]) => key.startsWith('pooling_mode_'));
    expect(flags).toHaveLength(6);
    expect(flags.filter(([, on]) => on === true)).toHaveLength(1);
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

test('the list form of pooling_mode with one name is read', async () => {
  const target = compact('mean');
  writeFileSync(join(target, '1_Pooling', 'config.json'), '{"embedding_dimension": 32, "pooling_mode": ["lasttoken"]}');
  expect((await Embedder.fromPretrained(target)).poolingStrategy).toBe('last_token');
});

test.each([
  ['modules.json', '{"a": 1}', 'is not a list of modules, each with type and path'],
  ['modules.json', '[{"type": "sentence_transformers.models.Pooling"}]', 'is not a list of modules'],
  ['modules.json', '[', 'not JSON ('],
  ['modules.json', '[{"path": "", "type": "my.Router"}]', 'module my.Router is not supported\n  fix: use'],
  ['1_Pooling/config.json', '[]', 'does not hold a JSON object'],
  ['1_Pooling/config.json', '{"pooling_mode": "max"}', 'pooling max is not supported\n  fix: use one of cls, mean,'],
])('%s holding %s is refused', async (name, content, text) => {
  const target = compact('mean');
  writeFileSync(join(target, name), content);
  await expect(Embedder.fromPretrained(target)).rejects.toThrow(`${join(target, name)}: ${text}`);
});
