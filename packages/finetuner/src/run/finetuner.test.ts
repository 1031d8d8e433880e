import { cpSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import * as tf from '@tensorflow/tfjs-core';
import { Embedder } from '@uniem/core';
import { describe, expect, test } from 'vitest';

import { minilmFolder } from '../../../../examples/minilm.ts';
import { FineTuner } from './finetuner.ts';

const rows = Array.from({ length: 16 }, (_, i) => ({ text: `word ${i}`, text_pos: `the definition of number ${i}` }));
const newFolder = () => mkdtempSync(join(tmpdir(), 'uniem-run-'));

describe('FineTuner on all-MiniLM-L6-v2', () => {
  test('lowers the loss, writes metrics a step and an epoch, and saves a model that opens', async () => {
    const outputDir = newFolder();
    const fineTuner = await FineTuner.fromPretrained(minilmFolder(), { dataset: { train: rows, dev: rows } });
    expect([fineTuner.modelType, fineTuner.recordType]).toEqual(['sentence_transformers', 'pair']);
    const tensors: number[] = [];
    const { modelFolder, metricsFile } = await fineTuner.run(
      { outputDir, epochs: 3, batchSize: 8, lr: 5e-5, dropout: 0, logInterval: 1 },
      { onStep: () => tensors.push(tf.memory().numTensors) },
    );
    const lines = readFileSync(metricsFile, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const steps = lines.filter((line) => 'loss' in line);
    const epochs = lines.filter((line) => 'trainLoss' in line);
    expect(steps).toHaveLength(6);
    expect(epochs).toHaveLength(3);
    expect(epochs[2].trainLoss).toBeLessThan(epochs[0].trainLoss);
    expect(epochs[2].validationLoss).toBeLessThan(epochs[0].validationLoss);
    expect(new Set(tensors.slice(1)).size).toBe(1); // no tensor left after a step
    const [before] = await fineTuner.embedder.encode(['word 3']);
    const [after] = await (await Embedder.fromPretrained(modelFolder)).encode(['word 3']);
    expect(after).toEqual(before);
  });
});

test('Dense modules train with the encoder and are saved', async () => {
  const fixtures = fileURLToPath(new URL('../../../../fixtures/', import.meta.url));
  const [model, outputDir] = [newFolder(), newFolder()];
  cpSync(join(fixtures, 'tiny-bert', 'model'), model, { recursive: true });
  cpSync(join(fixtures, 'sentence-transformers', 'compact', 'dense'), model, { recursive: true });
  const dataset = ['cat', 'dog', 'mat', 'end'].map((word) => ({ text: `the ${word}`, text_pos: `${word} sat` }));
  const fineTuner = await FineTuner.fromPretrained(model, { dataset, backend: 'native' });
  const name = '2_Dense.linear.weight';
  const before = await fineTuner.embedder.parameters.get(name)?.data();
  const { modelFolder } = await fineTuner.run({ epochs: 1, batchSize: 4, lr: 1e-2, outputDir });
  const saved = await Embedder.fromPretrained(modelFolder);
  const after = await saved.parameters.get(name)?.data();
  expect(after).not.toEqual(before);
  expect(after).toEqual(await fineTuner.embedder.parameters.get(name)?.data());
  const card = readFileSync(join(modelFolder, 'README.md'), 'utf8');
  expect(card).toContain('texts to vectors of 6 values');
  expect(card).not.toContain('transformers.js'); // which has no Dense
});
