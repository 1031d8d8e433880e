/** Every family as a user has it, a folder with a tokenizer, against fixtures/families/generate.py. */

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Embedder } from '../embedder/embedder.ts';
import { useEngine } from '../engine/engine.ts';
import { POOLING_STRATEGIES } from '../names.ts';

vi.stubEnv('UNIEM_NUM_THREADS', '1'); // of such small tensors, threads would only wait for one another

const fixtures = fileURLToPath(new URL('../../../../fixtures/families/', import.meta.url));
const folders = readdirSync(fixtures, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);
const root = mkdtempSync(join(tmpdir(), 'uniem-families-'));
afterAll(() => rmSync(root, { recursive: true }));
beforeAll(async () => {
  await useEngine({ backend: 'native' });
});

interface Golden {
  inputIds: number[][];
  poolings: Record<string, number[][]>;
}

/** One token a word. */
const tokenizer = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: { type: 'WhitespaceSplit' },
  post_processor: null,
  decoder: null,
  model: {
    type: 'WordLevel',
    unk_token: 'w0',
    vocab: Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`w${i}`, i])),
  },
};

test.each(folders)('%s opens, encodes, is saved and opens again', async (folder) => {
  const golden = JSON.parse(readFileSync(join(fixtures, folder, 'expected.json'), 'utf8')) as Golden;
  const model = join(root, folder);
  cpSync(join(fixtures, folder), model, { recursive: true });
  writeFileSync(join(model, 'tokenizer.json'), JSON.stringify(tokenizer));
  writeFileSync(join(model, 'tokenizer_config.json'), JSON.stringify({ model_max_length: 1e30 }));
  const texts = golden.inputIds.slice(0, 4).map((ids) => ids.map((id) => `w${id}`).join(' '));
  const saved = join(root, `${folder}-saved`);
  for (const poolingStrategy of POOLING_STRATEGIES) {
    const expected = golden.poolings[poolingStrategy];
    if (!expected) continue;
    const embedder = await Embedder.fromPretrained(model, { poolingStrategy });
    if (poolingStrategy === 'cls') await embedder.save(saved);
    (await embedder.encode(texts)).forEach((vector, i) => {
      vector.forEach((value, h) => {
        const e = (expected[i] as number[])[h] as number;
        if (!(Math.abs(value - e) <= 1e-4 * Math.max(1, Math.abs(e))))
          expect.fail(`${poolingStrategy}: ${value}, ${e}`);
      });
    });
    embedder.dispose();
  }
  const [before, after] = await Promise.all(
    [model, saved].map(async (path) => {
      const embedder = await Embedder.fromPretrained(path, { poolingStrategy: 'last_mean' });
      const vectors = await embedder.encode(texts);
      const { maxLength } = embedder;
      embedder.dispose();
      return { vectors, maxLength };
    }),
  );
  expect(after).toEqual(before);
  const numbers = (path: string) => {
    const text = readFileSync(join(path, 'config.json'), 'utf8');
    return Array.from(text.matchAll(/"(\w+)": (-?\d[^,\s]*)/g), ([, key, number]) => [key, /[.e]/.test(`${number}`)]);
  };
  expect(numbers(saved)).toEqual(numbers(model)); // 2.0 is not saved as 2, which transformers refuses
});
