/** Against transformers and tokenizers of Python: fixtures/tokenizers/generate.py. */

import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

import { afterAll, describe, expect, test } from 'vitest';

import { Embedder } from '../embedder/embedder.ts';
import { useEngine } from '../engine/engine.ts';
import { openTokenizer } from './open-tokenizer.ts';
import type { Tokenizer } from './tokenizer.ts';

interface Golden {
  tokenizer: { model: Record<string, unknown> };
  ids: number[][];
  long: [length: number, digest: string][];
  cut: Record<string, string>;
  /** Means of a tiny model's states, of texts cut to 64 tokens. */
  vectors?: number[][];
}

const fixtures = fileURLToPath(new URL('../../../../fixtures/tokenizers/', import.meta.url));
const unzip = (name: string) => gunzipSync(readFileSync(join(fixtures, name)));
const charsmap = unzip('nmt_nfkc.bin.gz');
const expected: Record<string, Golden> = JSON.parse(unzip('expected.json.gz').toString());
const { texts, long, lengths }: { texts: string[]; long: [string, number][]; lengths: number[] } = JSON.parse(
  readFileSync(join(fixtures, 'texts.json'), 'utf8'),
);
const longTexts = long.map(([text, times]) => text.repeat(times));

const scratch = mkdtempSync(join(tmpdir(), 'uniem-tokenizers-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** The stored folder; sentencepiece's models but the decoders' get back their character map, as a second message. */
function slowFolder(name: string): string {
  const folder = join(scratch, name);
  if (existsSync(folder)) return folder;
  cpSync(join(fixtures, name), folder, { recursive: true });
  for (const file of readdirSync(folder).filter((path) => path.endsWith('.model') && path !== 'tokenizer.model')) {
    const path = join(folder, file);
    const normalizer = field(3, field(2, charsmap));
    writeFileSync(path, Buffer.concat([readFileSync(path), normalizer]));
  }
  return folder;
}

/** A field of a protobuf message that holds bytes. */
function field(number: number, value: Buffer): Buffer {
  const length: number[] = [];
  for (let rest = value.length; ; rest >>= 7) {
    length.push((rest & 127) | (rest > 127 ? 128 : 0));
    if (rest <= 127) break;
  }
  return Buffer.concat([Buffer.from([number * 8 + 2, ...length]), value]);
}

const digest = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);

/** As generate.py writes it. */
function withoutVocabulary(json: Record<string, unknown>): unknown {
  const { vocab, merges, ...model } = json.model as Record<string, unknown>;
  const vocabHash = Array.isArray(vocab)
    ? digest(vocab.map(([token, score]) => [token, Math.round(score * 1e4)]))
    : digest(
        Object.entries(vocab as Record<string, number>)
          .sort(([, a], [, b]) => a - b)
          .map(([token]) => token),
      );
  const hashes = merges === undefined ? { vocabHash } : { vocabHash, mergesHash: digest(merges) };
  return JSON.parse(
    JSON.stringify({ ...json, model: { ...model, ...hashes } }).replaceAll(charsmap.toString('base64'), 'nmt_nfkc'),
  );
}

/** Ids of every text; where Python's differ, the text and both. */
function differences(name: string, tokenizer: Tokenizer): unknown[] {
  const golden = expected[name] as Golden;
  return texts.flatMap((text, i) => {
    const ids = [...tokenizer.encode(text, Number.POSITIVE_INFINITY)];
    return digest(ids) === digest(golden.ids[i]) ? [] : [{ text, ids, python: golden.ids[i] }];
  });
}

const kinds = Object.keys(expected).filter((name) => existsSync(join(fixtures, name)));

describe.each(kinds)('%s', (name) => {
  const golden = expected[name] as Golden;
  const tokenizer = openTokenizer(slowFolder(name));

  test('becomes the tokenizer.json of Python', () => {
    expect(withoutVocabulary(tokenizer.toJson())).toEqual(golden.tokenizer);
  });

  test('has the ids of Python', () => {
    expect(differences(name, tokenizer)).toEqual([]);
  });

  test('has the ids of Python for long texts', () => {
    const ids = longTexts.map((text) => [...tokenizer.encode(text, Number.POSITIVE_INFINITY)]);
    expect(ids.map((row) => [row.length, digest(row)])).toEqual(golden.long);
  });

  test.each(lengths)('has the ids of Python, cut to %i', (length) => {
    const ids = [...texts, ...longTexts].map((text) => [...tokenizer.encode(text, length)]);
    expect(digest(ids)).toEqual(golden.cut[length]);
  });
});

test('the real all-MiniLM-L6-v2 has the ids of Python', () => {
  const tokenizer = openTokenizer(join(homedir(), '.cache', 'uniem', 'models', 'all-MiniLM-L6-v2'));
  expect(differences('all-MiniLM-L6-v2', tokenizer)).toEqual([]);
});

test('a model without tokenizer.json has the vectors of Python, is saved with its files and opens again', async () => {
  await useEngine({ backend: 'native' });
  const folder = slowFolder('xlm-roberta');
  const vectorsOf = async (path: string) => {
    const embedder = await Embedder.fromPretrained(path, { poolingStrategy: 'last_mean', maxLength: 64 });
    const vectors = await embedder.encode(texts, { normalize: false });
    await embedder.save(join(scratch, 'saved'));
    embedder.dispose();
    return vectors;
  };
  const vectors = await vectorsOf(folder);
  const errors = texts.map((text, i) => {
    if (text === '<pad>') return 0; // there it takes no position: COMPATIBILITY.md, roberta
    const row = expected['xlm-roberta']?.vectors?.[i] as number[];
    return Math.max(...row.map((value, h) => Math.abs(value - (vectors[i]?.[h] ?? Number.NaN))));
  });
  expect(Math.max(...errors)).toBeLessThan(1e-5);
  const saved = join(scratch, 'saved');
  expect(readFileSync(join(saved, 'sentencepiece.bpe.model'))).toEqual(
    readFileSync(join(folder, 'sentencepiece.bpe.model')),
  );
  expect(existsSync(join(saved, 'tokenizer.json'))).toBe(false);
  expect(await vectorsOf(saved)).toEqual(vectors);
});
