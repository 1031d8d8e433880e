/** What a model folder that cannot be used says, and what encode does with texts at the edges. */

import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { useEngine } from '../engine/engine.ts';
import { Embedder } from './embedder.ts';

const tiny = fileURLToPath(new URL('../../../../fixtures/tiny-bert/model', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-embedder-'));
const model = join(folder, 'model');
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(async () => {
  await useEngine({ backend: 'tensorflow' });
});

describe('a model folder that cannot be used', () => {
  beforeEach(() => {
    rmSync(model, { recursive: true, force: true });
    cpSync(tiny, model, { recursive: true });
  });

  const weights = join(model, 'model.safetensors');
  const config = (change: object) => {
    const path = join(model, 'config.json');
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...change }));
  };

  test.each<[string, () => void, string]>([
    [
      'is not there',
      () => rmSync(model, { recursive: true }),
      `${model}: no such model folder\n  fix: give the folder`,
    ],
    [
      'has no config.json',
      () => rmSync(join(model, 'config.json')),
      `${join(model, 'config.json')}: file not found or not readable\n  fix: give a complete model folder`,
    ],
    [
      'has a config.json cut short',
      () => truncateSync(join(model, 'config.json'), 20),
      `${join(model, 'config.json')}: not JSON (`,
    ],
    [
      'is of an unknown type',
      () => config({ model_type: 'hyena' }),
      `${join(model, 'config.json')}: model_type "hyena" is not supported\n  fix: use a model whose config.json says one of`,
    ],
    ['has a value out of range', () => config({ hidden_size: -1 }), 'hidden_size: Too small: expected number to be >0'],
    [
      'has heads that do not divide the width',
      () => config({ num_attention_heads: 5 }),
      'hidden_size 32 is not a multiple of num_attention_heads 5\n  fix: correct config.json',
    ],
    ['has no weights', () => rmSync(weights), `${model}: no weight file found\n  fix: give a folder that holds`],
    ['has weights cut short', () => truncateSync(weights, 50_000), `${weights}: truncated or corrupt: tensor `],
    [
      'has weights of another shape',
      () => config({ intermediate_size: 48 }),
      `${weights}: tensor encoder.layer.0.intermediate.dense.weight has shape [64, 32], ` +
        'but config.json asks for [48, 32]\n  fix: use the config.json that belongs to these weights',
    ],
    [
      'has too few layers',
      () => config({ num_hidden_layers: 3 }),
      `${weights}: 16 tensors are missing, the first is encoder.layer.2.attention.self.query.weight\n  fix: use`,
    ],
    [
      'has no tokenizer',
      () => rmSync(join(model, 'vocab.txt')),
      `${model}: no tokenizer.json and no vocab.txt\n  fix: add the tokenizer files of the model`,
    ],
  ])('%s', async (_, spoil, text) => {
    spoil();
    const tensors = tf.memory().numTensors;
    await expect(Embedder.fromPretrained(model)).rejects.toThrow(text);
    expect(tf.memory().numTensors).toBe(tensors);
  });
});

describe('encode', () => {
  const open = (maxLength?: number) => Embedder.fromPretrained(tiny, maxLength ? { maxLength } : {});

  test('cuts a text longer than the model at its end', async () => {
    const embedder = await open();
    const long = 'cat '.repeat(500);
    expect(embedder.tokenizer.encode(long, embedder.maxLength)).toHaveLength(64); // the model's positions
    const whole = 'cat '.repeat(62);
    expect(embedder.tokenize([long]).ids).toEqual(embedder.tokenize([whole]).ids);
    // Each alone: in one batch the rows of a product may be summed in another order.
    expect(await embedder.encode(long)).toEqual(await embedder.encode(whole));
  });

  test('encodes an empty text as its special tokens', async () => {
    const embedder = await open();
    expect([...embedder.tokenizer.encode('', 64)]).toEqual([2, 3]); // [CLS] [SEP]
    const [empty, spaces] = await embedder.encode(['', ' \n\t ']);
    expect(empty).toHaveLength(32);
    expect(empty?.every(Number.isFinite)).toBe(true);
    expect(spaces).toEqual(empty);
  });

  test('gives nothing for no texts', async () => {
    expect(await (await open()).encode([])).toEqual([]);
  });

  test('keeps the order of the texts and leaves no tensor', async () => {
    const embedder = await open();
    const texts = ['a', 'the end of the mat', '', 'dogs run', 'cat'];
    const alone = await Promise.all(texts.map((text) => embedder.encode([text])));
    const before = tf.memory().numTensors;
    const together = await embedder.encode(texts, { batchSize: 2 });
    expect(tf.memory().numTensors).toBe(before);
    together.forEach((vector, i) => {
      const [own] = alone[i] as [Float32Array];
      expect(Math.max(...vector.map((value, j) => Math.abs(value - (own[j] as number))))).toBeLessThan(1e-5);
    });
  });

  test.each([
    [{ batchSize: 0 }, 'batchSize: must be a whole number above 0 (received 0)\n  fix: give a whole number above 0'],
    [{ batchSize: 1.5 }, 'batchSize: must be a whole number above 0 (received 1.5)'],
    [{ maxLength: 1 }, 'maxLength: 1 tokens are too few\n  fix: give a whole number from 2 on'],
    [{ maxLength: Number.NaN }, 'maxLength: must be a whole number above 0 (received NaN)'],
  ])('refuses %o', async (options, text) => {
    await expect((await open()).encode(['a'], options)).rejects.toThrow(text);
  });

  test('an unknown pooling is refused', async () => {
    const options = { poolingStrategy: 'median' as 'cls' };
    await expect(Embedder.fromPretrained(tiny, options)).rejects.toThrow(
      "poolingStrategy: unknown strategy 'median'\n  fix: use one of cls, last_mean,",
    );
  });
});

describe('save', () => {
  test('refuses a folder that holds something else, and leaves it', async () => {
    const thesis = join(folder, 'thesis');
    cpSync(join(tiny, 'vocab.txt'), join(thesis, 'thesis.tex'));
    await expect((await Embedder.fromPretrained(tiny)).save(thesis)).rejects.toThrow(
      `${thesis}: the folder holds something else (thesis.tex)\n  fix: give a new folder, or one that holds an earlier`,
    );
    expect(existsSync(join(thesis, 'thesis.tex'))).toBe(true);
  });

  test('refuses the path of a file', async () => {
    const file = join(tiny, 'vocab.txt');
    await expect((await Embedder.fromPretrained(tiny)).save(file)).rejects.toThrow(`${file}: is a file\n  fix: give`);
  });

  test('a folder that cannot be made is named', async () => {
    const file = join(tiny, 'vocab.txt', 'model');
    await expect((await Embedder.fromPretrained(tiny)).save(file)).rejects.toThrow(
      `${file}: could not be saved (ENOTDIR: not a directory`,
    );
  });

  // The disk is full for a child process that may write no file over 64 KiB; config.json fits, the weights do not.
  test('on a full disk the earlier model stays, whole', async () => {
    const target = join(folder, 'kept');
    const embedder = await Embedder.fromPretrained(tiny);
    await embedder.save(target);
    const before = contentOf(target);
    const script = `
      import { Embedder, useEngine } from '@uniem/core';
      await useEngine({ backend: 'tensorflow' });
      const embedder = await Embedder.fromPretrained(${JSON.stringify(tiny)});
      await embedder.save(${JSON.stringify(target)}).catch(({ name, message }) => console.log(\`\${name}: \${message}\`));
    `;
    const node = `ulimit -f 64; exec "$0" --input-type=module -e "$1"`;
    const here = fileURLToPath(new URL('.', import.meta.url));
    const { stdout } = spawnSync('bash', ['-c', node, process.execPath, script], { cwd: here, encoding: 'utf8' });
    expect(stdout).toBe(
      `ModelError: ${target}: could not be saved (EFBIG: file too large, write)\n` +
        '  fix: free disk space or choose another folder; what was there before is unchanged\n',
    );
    expect(contentOf(target)).toEqual(before);
    expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});

function contentOf(target: string): Record<string, string> {
  const files = readdirSync(target, { recursive: true, encoding: 'utf8' }).filter((name) => /\.\w+$/.test(name));
  return Object.fromEntries(files.map((name) => [name, readFileSync(join(target, name), 'base64')]));
}
