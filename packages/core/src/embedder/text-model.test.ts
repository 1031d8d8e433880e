/** A model without its weights: its tokens are those that encode takes, and encodeTokens gives encode's vectors. */

import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { useEngine } from '../engine/engine.ts';
import { packTokens } from '../tokenizer/token-batch.ts';
import { Embedder } from './embedder.ts';
import { TextModel } from './text-model.ts';

const fixtures = fileURLToPath(new URL('../../../../fixtures/', import.meta.url));

/** Of fixtures/sentence-transformers/generate.py: a model with prompts whose tokens are not pooled. */
const golden: { texts: string[]; dense: Record<'query' | 'document', number[][]> } = JSON.parse(
  readFileSync(join(fixtures, 'sentence-transformers', 'expected.json'), 'utf8'),
);

/** Ids by transformers: fixtures/tiny-bert/generate.py. */
const tiny: { texts: string[]; inputIds: number[][] } = JSON.parse(
  readFileSync(join(fixtures, 'tiny-bert', 'expected.json'), 'utf8'),
);

const folder = mkdtempSync(join(tmpdir(), 'uniem-text-model-'));
beforeAll(async () => {
  await useEngine({ backend: 'tensorflow' });
  cpSync(join(fixtures, 'tiny-bert', 'model'), folder, { recursive: true });
  cpSync(join(fixtures, 'sentence-transformers', 'compact', 'dense'), folder, { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('tokenize', () => {
  test("gives transformers' ids without reading weights", async () => {
    rmSync(join(folder, 'model.safetensors'), { force: true });
    const model = await TextModel.fromPretrained(join(fixtures, 'tiny-bert', 'model'));
    const padded = tiny.inputIds.map((ids) => ids.slice(0, ids.lastIndexOf(ids.findLast((id) => id !== 0) ?? 0) + 1));
    expect(model.tokenize(tiny.texts).ids.map((ids) => [...ids])).toEqual(padded);
  });

  test('says how long a text was before it was cut', async () => {
    const model = await TextModel.fromPretrained(join(fixtures, 'tiny-bert', 'model'));
    const { ids, lengths, skip } = model.tokenize(['the cat sat', 'the'], { maxLength: 4 });
    expect(lengths).toEqual([5, 3]);
    expect(ids.map(({ length }) => length)).toEqual([4, 3]);
    expect(skip).toBe(0);
  });
});

test.each(['query', 'document'] as const)(
  "encodeTokens of tokenize gives Python's vectors, prompt %s",
  async (promptName) => {
    cpSync(join(fixtures, 'tiny-bert', 'model', 'model.safetensors'), join(folder, 'model.safetensors'));
    const [text, embedder] = [await TextModel.fromPretrained(folder), await Embedder.fromPretrained(folder)];
    const { ids, skip } = text.tokenize(golden.texts, { promptName });
    expect(skip).toBeGreaterThan(0);
    const values = await embedder.encodeTokens(packTokens(ids), { skip });
    const expected = golden.dense[promptName].flat();
    expect(values).toHaveLength(expected.length);
    expect(Math.max(...expected.map((value, i) => Math.abs(value - (values[i] as number))))).toBeLessThan(1e-5);
    embedder.dispose();
  },
);

test('promptOf finds the default prompt and refuses a name that is none', async () => {
  const text = await TextModel.fromPretrained(folder);
  expect(text.promptOf({})).toBe('dogs run on ');
  expect(text.promptOf({ promptName: 'query' })).toBe('the end of the ');
  expect(text.promptOf({ prompt: '' })).toBe('');
  expect(() => text.promptOf({ promptName: 'passage' })).toThrow(
    "promptName: the model has no prompt 'passage'\n  fix: use one of document, query",
  );
});

test('tokens names those that the template puts around a text', async () => {
  const { tokenizer } = await TextModel.fromPretrained(folder);
  const all = tokenizer.tokens('the cat');
  expect(all.map(({ token, special }) => [token, special])).toEqual([
    ['[CLS]', true],
    ['the', false],
    ['cat', false],
    ['[SEP]', true],
  ]);
  expect(all.map(({ id }) => id)).toEqual([...tokenizer.encode('the cat', 10)]);
  expect(tokenizer.tokens('the cat', { specialTokens: false })).toEqual(all.slice(1, -1));
});
