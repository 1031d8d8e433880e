/** Folders of the tiny models of fixtures/families, with a tokenizer of words `0` to `39`; and batches padded on a side. */

import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll } from 'vitest';

export const FAMILIES = fileURLToPath(new URL('../../../fixtures/families/', import.meta.url));

export const FOLDERS = readdirSync(FAMILIES, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);

export const VOCABULARY = 40;

export interface Golden {
  inputIds: number[][];
  lastHiddenState: number[][][];
}

export function goldenOf(folder: string): Golden {
  return JSON.parse(readFileSync(join(FAMILIES, folder, 'expected.json'), 'utf8')) as Golden;
}

const root = mkdtempSync(join(tmpdir(), 'uniem-export-'));
afterAll(() => rmSync(root, { recursive: true }));

/** An empty one, gone when the file's tests are done. */
export const temporaryFolder = (): string => mkdtempSync(join(root, 'folder-'));

/** Each word is its own token; there are no special ones. */
const TOKENIZER = {
  version: '1.0',
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: { type: 'WhitespaceSplit' },
  post_processor: null,
  decoder: null,
  model: {
    type: 'WordLevel',
    vocab: Object.fromEntries(Array.from({ length: VOCABULARY }, (_, id) => [String(id), id])),
    unk_token: '0',
  },
};

/** @param files Further ones by their paths in the folder: values are written as JSON. */
export function tinyModel(family: string, files: Readonly<Record<string, unknown>> = {}): string {
  const folder = join(temporaryFolder(), family);
  mkdirSync(folder);
  for (const file of ['config.json', 'model.safetensors']) {
    copyFileSync(join(FAMILIES, family, file), join(folder, file));
  }
  const all = {
    'tokenizer.json': TOKENIZER,
    'tokenizer_config.json': { tokenizer_class: 'PreTrainedTokenizerFast', pad_token: '0', unk_token: '0' },
    ...files,
  };
  for (const [path, content] of Object.entries(all)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), JSON.stringify(content));
  }
  return folder;
}

/** Texts of 1 to `longest` words, by a fixed recurrence. */
export function tinyTexts(count: number, longest = 31): string[] {
  let state = 7;
  const next = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 16) % below;
  };
  return Array.from({ length: count }, () =>
    Array.from({ length: 1 + next(longest) }, () => next(VOCABULARY)).join(' '),
  );
}

/** The tiny BERT in sentence-transformers' layout, by what is around it: a pooling each, Dense modules, a StaticEmbedding. */
export function compactFolders(): string[] {
  const fixtures = join(FAMILIES, '..');
  const compact = join(fixtures, 'sentence-transformers', 'compact');
  return readdirSync(compact).map((name) => {
    const folder = join(temporaryFolder(), name);
    if (name !== 'static') cpSync(join(fixtures, 'tiny-bert', 'model'), folder, { recursive: true });
    cpSync(join(compact, name), folder, { recursive: true });
    return folder;
  });
}
