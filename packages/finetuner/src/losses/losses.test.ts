/** Values over given embeddings against fixtures/losses/generate.py; whole runs on the tiny BERT of fixtures. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import * as tf from '@tensorflow/tfjs-core';
import { Embedder, useEngine } from '@uniem/core';
import type { RecordType, Row } from '@uniem/data';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collate } from '../batches/records.ts';
import { type FinetuneOptions, resolveOptions } from '../options.ts';
import { FineTuner } from '../run/finetuner.ts';
import { sameTexts } from './false-negatives.ts';
import { checkLossOptions, describeLoss, embeddingsLoss, type LossOptions } from './losses.ts';

const fixtures = new URL('../../../../fixtures/', import.meta.url);
const golden = JSON.parse(readFileSync(new URL('losses/expected.json', fixtures), 'utf8'));
const model = fileURLToPath(new URL('tiny-bert/model', fixtures));
const folder = mkdtempSync(join(tmpdir(), 'uniem-losses-'));
afterAll(() => rmSync(folder, { recursive: true }));

let embedder: Embedder;
beforeAll(async () => {
  await useEngine({ backend: 'native' });
  embedder = await Embedder.fromPretrained(model);
});

const { texts, positives, negatives } = golden;
const pairs = texts.map((text: string, i: number) => ({ text, text_pos: positives[i] }));
const triplets = pairs.map((pair: Row, i: number) => ({ ...pair, text_neg: negatives[i] }));
const numbered = pairs.map((pair: Row, i: number) =>
  Object.fromEntries([
    ...Object.entries(pair),
    ...negatives[i].map((text: string, j: number) => [`text_neg_${j + 1}`, text]),
  ]),
);
const vectors = texts.map((text: string) => ({ text, vector: new Float32Array(32) }));

describe('the loss of a batch', () => {
  const masked = { maskSameTexts: true } as const;
  test.each<[string, RecordType, Row[], string[], LossOptions]>([
    ['pair of sentence-transformers', 'pair', pairs, ['a', 'b'], {}],
    ['pair, symmetric', 'pair', pairs, ['a', 'b'], { symmetricLoss: true }],
    ['pair, margin 0.2', 'pair', pairs, ['a', 'b'], { falseNegativeMargin: 0.2 }],
    ['pair softmax, same texts masked', 'pair', pairs, ['a', 'b'], masked],
    [
      'pair sigmoid, same texts masked, symmetric',
      'pair',
      pairs,
      ['a', 'b'],
      { ...masked, lossType: 'sigmoid', symmetricLoss: true },
    ],
    ['triplet softmax, several negatives, swap', 'triplet', triplets, ['a', 'b', 'several'], { swapLoss: true }],
    ['triplet cosent, several negatives', 'triplet', numbered, ['a', 'b', 'several'], { lossType: 'cosent' }],
    [
      'triplet sigmoid, same texts masked',
      'triplet',
      numbered,
      ['a', 'b', 'several'],
      { ...masked, lossType: 'sigmoid' },
    ],
    [
      'triplet softmax, in-batch positives, same texts masked',
      'triplet',
      triplets,
      ['a', 'b', 'several'],
      { ...masked, inBatchPositives: true },
    ],
    ['matryoshka pair', 'pair', pairs, ['a', 'b'], { matryoshkaDims: golden.dims, matryoshkaWeights: golden.weights }],
  ])('%s', async (name, recordType, records, inputs, options) => {
    const batch = collate(records, recordType, embedder, 64);
    const embeddings = tf.concat(
      inputs.map((input) => tf.tensor2d(golden.inputs[input])),
      0,
    ) as tf.Tensor2D;
    const [loss] = await embeddingsLoss(embedder, embeddings, batch, options).data();
    expect(Math.abs((loss as number) - golden.cases[name].loss)).toBeLessThan(1e-4);
  });
});

test('sameTexts finds what is equal to a text or to a partner of an equal text', () => {
  const mask = sameTexts(['a', 'b', 'a'], ['p', 'q', 'r'], ['p', 'q', 'r', 'a']);
  expect([...mask]).toEqual([1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 1, 1]);
});

describe('a run', () => {
  const words = ['cat', 'dog', 'mat', 'run', 'ran', 'end', 'sat', 'on'];
  const rows = (fields: (word: string, i: number) => Row) =>
    words.map((word, i) => ({ text: word, ...fields(word, i) }));
  const run = async (dataset: Row[], options: FinetuneOptions) => {
    const fineTuner = await FineTuner.fromPretrained(model, { dataset });
    const outputDir = mkdtempSync(join(folder, 'run-'));
    const losses: number[] = [];
    await fineTuner.run(
      { outputDir, epochs: 20, batchSize: 4, lr: 1e-3, logInterval: 100, ...options },
      { onEpoch: ({ trainLoss }) => losses.push(trainLoss) },
    );
    return { losses, embedder: fineTuner.embedder };
  };

  test.each<[string, Row[], FinetuneOptions]>([
    ['lists of negatives', rows((word, i) => ({ text_pos: `a ${word}`, text_neg: ['of', 'the'].slice(i % 2) })), {}],
    [
      'numbered negatives, masked',
      rows((word) => ({ text_pos: `a ${word}`, text_neg_1: 'of', text_neg_2: 'the' })),
      {
        inBatchPositives: true,
        maskSameTexts: true,
      },
    ],
    [
      'pairs, symmetric, at three lengths',
      rows((word) => ({ text_pos: `a ${word}` })),
      {
        symmetricLoss: true,
        falseNegativeMargin: -0.5,
        matryoshkaDims: [32, 16, 8],
      },
    ],
  ])('learns from %s', async (_, dataset, options) => {
    const { losses } = await run(dataset, options);
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 2);
  });

  test.each(['mse', 'cosine'] as const)("learns another model's vectors by %s", async (distillationLoss) => {
    const vectors = words.map((_, i) => Float32Array.from({ length: 32 }, (_, j) => Math.sin(i + 2 * j)));
    const dataset = rows((_, i) => ({ vector: [...(vectors[i] as Float32Array)] }));
    const { losses, embedder: student } = await run(dataset, { distillationLoss, epochs: 40, lr: 3e-3 });
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 10);
    const [first] = (await student.encode(['cat'], { normalize: true })) as [Float32Array];
    const [teacher] = vectors as [Float32Array];
    const cosine = first.reduce((sum, value, i) => sum + value * (teacher[i] as number), 0) / Math.hypot(...teacher);
    expect(cosine).toBeGreaterThan(0.95);
  });

  test.each<[string, Row[], FinetuneOptions, string]>([
    [
      'pairs with swapLoss',
      pairs,
      { swapLoss: true },
      'swapLoss: has no meaning for records of type pair\n  fix: leave it out, or give records of type triplet',
    ],
    [
      'vectors with a margin',
      vectors,
      { falseNegativeMargin: 0 },
      'falseNegativeMargin: has no meaning for records of type text_vector\n  fix: leave it out, or give records of type pair or triplet',
    ],
    [
      'both kinds of the loss back',
      triplets,
      { swapLoss: true, symmetricLoss: true },
      'symmetricLoss: cannot be given beside swapLoss\n  fix: give one of them',
    ],
    [
      "a length past the model's",
      pairs,
      { matryoshkaDims: [64, 32] },
      'matryoshkaDims: the embeddings have 32 values (received 64)\n  fix: give lengths of at most 32',
    ],
    [
      'lengths of vectors whose own length counts',
      [{ text: 'cat', vector: Array(32).fill(1) }],
      { matryoshkaDims: [32, 16] },
      "matryoshkaDims: compares vectors of length 1, and mse the vectors' own lengths\n  fix: give distillationLoss",
    ],
    [
      'too few weights',
      pairs,
      { matryoshkaDims: [32, 16], matryoshkaWeights: [1] },
      'matryoshkaWeights: there are 1 weights for 2 matryoshkaDims\n  fix: give one weight a length',
    ],
    [
      'a vector of another length',
      [{ text: 'cat', vector: [1, 2] }],
      { batchSize: 2 },
      "vector has 2 values, the model's embeddings 32\n  fix: distill from a model whose embeddings are as long",
    ],
  ])('refuses %s', async (_, dataset, options, message) => {
    await expect(run(dataset, options)).rejects.toThrow(message);
  });
});

test('options left at their defaults suit every record type', () => {
  const defaults = { swapLoss: false, matryoshkaDims: [], matryoshkaWeights: [] };
  for (const type of ['pair', 'triplet', 'scored_pair', 'text_vector'] as const) checkLossOptions(type, defaults, 8);
});

test('the model card says which loss it was', () => {
  const words = (type: RecordType, options: FinetuneOptions) => describeLoss(type, resolveOptions(options));
  expect(words('pair', {})).toBe('in-batch softmax, temperature 0.05');
  expect(words('text_vector', { distillationLoss: 'cosine' })).toBe('distillation cosine');
  expect(words('scored_pair', { matryoshkaDims: [64, 32], matryoshkaWeights: [1, 0.5] })).toBe(
    'cosent, temperature 0.05, at lengths 64, 32, weighted 1, 0.5',
  );
  expect(words('triplet', { inBatchPositives: true, maskSameTexts: true, falseNegativeMargin: 0.1 })).toBe(
    'in-batch softmax, temperature 0.05, in-batch positives, same texts masked, negatives masked past a margin of 0.1',
  );
});
