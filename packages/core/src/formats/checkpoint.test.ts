/** Against fixtures/checkpoints/generate.py: one model in every form of weight file, and its last hidden state. */

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { Embedder } from '../embedder/embedder.ts';
import { useEngine } from '../engine/engine.ts';
import { familyOf } from '../models/index.ts';
import { loadParameters } from '../models/parameters.ts';
import { packTokens } from '../tokenizer/token-batch.ts';
import { openCheckpoint } from './checkpoint.ts';
import type { StoredTensor } from './safetensors.ts';

const fixtures = fileURLToPath(new URL('../../../../fixtures/', import.meta.url));
const models = join(fixtures, 'checkpoints', 'model');
const folder = mkdtempSync(join(tmpdir(), 'uniem-checkpoint-'));
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(async () => {
  await useEngine({ backend: 'tensorflow' });
});

const golden = JSON.parse(readFileSync(join(fixtures, 'checkpoints', 'expected.json'), 'utf8')) as {
  inputIds: number[];
  lastHiddenState: Record<'fp32' | 'fp16' | 'bf16', number[][]>;
};

/** A whole model folder with this form of weights. */
function modelOf(form: string): string {
  const target = join(folder, form);
  cpSync(join(models, form), target, { recursive: true });
  cpSync(join(models, 'config.json'), join(target, 'config.json'));
  cpSync(join(fixtures, 'tiny-bert', 'model', 'vocab.txt'), join(target, 'vocab.txt'));
  return target;
}

const FORMS = {
  'safetensors-bf16': 'bf16',
  'safetensors-sharded-fp16': 'fp16',
  'zip-with-head': 'fp32',
  'old-bf16': 'bf16',
  'bin-sharded': 'fp32',
} as const;

test('every form has a test', () => {
  const forms = readdirSync(models, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(forms.map(({ name }) => name).sort()).toEqual(Object.keys(FORMS).sort());
});

test.each(Object.entries(FORMS))('%s gives the states of its weights, without a word', async (form, precision) => {
  const stderr = vi.spyOn(process.stderr, 'write');
  const { config, parameters } = await Embedder.fromPretrained(modelOf(form));
  expect(stderr).not.toHaveBeenCalled(); // the head of zip-with-head is left out in silence
  stderr.mockRestore();
  const run = { parameters, batch: packTokens([golden.inputIds]), state: undefined, checkpointing: false };
  const last = tf.tidy(() => familyOf(config).forward(config, run).last).dataSync();
  const expected = golden.lastHiddenState[precision].flat();
  expect(last.length).toBe(expected.length);
  expected.forEach((value, i) => {
    expect(Math.abs(value - (last[i] as number))).toBeLessThan(1e-5);
  });
});

describe('an index', () => {
  const spoiled = (change: (index: { weight_map: Record<string, unknown> }) => unknown) => {
    const target = modelOf('safetensors-sharded-fp16');
    const path = join(target, 'model.safetensors.index.json');
    writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, 'utf8')))));
    return { target, path };
  };

  test.each(['../secret', '/etc/passwd', '..\\x', '', 7, null])('that leads to %j is refused', (file) => {
    const { target, path } = spoiled((index) => ({ weight_map: { ...index.weight_map, w: file } }));
    expect(() => openCheckpoint(target)).toThrow(
      `${path}: tensor w is in ${JSON.stringify(file)}, which is no file beside the index\n  fix: download`,
    );
  });

  test('without a map is refused', () => {
    const { target, path } = spoiled(() => ({ weights: 1 }));
    expect(() => openCheckpoint(target)).toThrow(`${path}: has no weight_map\n  fix: download the model again`);
  });

  test('that names a shard which is not there says so', () => {
    const { target } = spoiled((index) => index);
    const shard = join(target, 'model-00002-of-00002.safetensors');
    rmSync(shard);
    expect(() => openCheckpoint(target)).toThrow(`${shard}: weight file not found\n  fix: give a folder that holds it`);
  });
});

test('a folder without weights lists what is looked for', () => {
  const target = join(models, '..');
  expect(() => openCheckpoint(target)).toThrow(
    `${target}: no weight file found\n  fix: give a folder that holds one of model.safetensors, ` +
      'model.safetensors.index.json, pytorch_model.bin, pytorch_model.bin.index.json',
  );
});

describe('names of parameters', () => {
  const shapes = new Map([
    ['words.weight', [2]],
    ['LayerNorm.weight', [2]],
    ['pooler.weight', [2]],
  ]);
  const stored: StoredTensor = { shape: [2], read: () => Float32Array.of(1, 2) };
  const load = (...names: string[]) =>
    loadParameters(new Map(names.map((name) => [name, stored])), shapes, new Set(['pooler.weight']), 'bert', 'w.bin');

  test.each(['', 'bert.', 'model.', 'encoder.', 'transformer.', 'module.model.bert.'])('are found after "%s"', (at) => {
    const parameters = load(`${at}words.weight`, `${at}LayerNorm.gamma`, 'lm_head.weight');
    expect([...parameters.keys()]).toEqual(['words.weight', 'LayerNorm.weight']);
    tf.dispose([...parameters.values()]);
  });

  test('after the family’s own prefix are taken of two encoders; of two others, none', () => {
    const two = (a: string, b: string) => [a, b].flatMap((at) => [`${at}words.weight`, `${at}LayerNorm.weight`]);
    tf.dispose([...load(...two('teacher.', 'bert.')).values()]);
    expect(() => load(...two('query.', 'passage.'))).toThrow(
      'w.bin: holds several encoders: query.words.weight, passage.words.weight\n' +
        '  fix: keep one of them, its names beginning with bert.',
    );
  });

  test('that are missing are counted in one error, that are unexpected in one note', () => {
    expect(() => load('pooler.weight', 'other')).toThrow('w.bin: 2 tensors are missing, the first is words.weight');
    const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const buffers = ['embeddings.position_ids', 'h.0.attn.masked_bias', 'h.0.attn.bias', 'rotary_emb.inv_freq'];
    const parameters = load('words.weight', 'LayerNorm.weight', ...buffers, 'a', 'b', 'c', 'd');
    expect(stderr.mock.calls).toEqual([['note: w.bin: 4 tensors are no part of the encoder: a, b, c, …\n']]);
    stderr.mockRestore();
    tf.dispose([...parameters.values()]);
  });
});
