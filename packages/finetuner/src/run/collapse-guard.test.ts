/** Collapse made on purpose: weights that give every text one embedding. */

import { fileURLToPath } from 'node:url';

import * as tf from '@tensorflow/tfjs-core';
import { Embedder, useEngine } from '@uniem/core';
import { Dataset } from '@uniem/data';
import { beforeAll, expect, test } from 'vitest';
import { resolveOptions } from '../options.ts';
import { CollapseGuard } from './collapse-guard.ts';

const model = fileURLToPath(new URL('../../../../fixtures/tiny-bert/model', import.meta.url));
const texts = Array.from('abcdefghijklmnopqrstuvwxyz', (letter) => `the ${letter} cat`);
const rows = Dataset.fromRows(texts.map((text) => ({ text, text_pos: 'mat' })));

beforeAll(async () => {
  await useEngine({ backend: 'native' });
});

test('a warning comes once, when unrelated texts have become alike', async () => {
  const embedder = await Embedder.fromPretrained(model);
  const options = { ...resolveOptions({}), batchSize: 8, maxLength: 64 };
  const guard = await CollapseGuard.of({ embedder, recordType: 'pair', options, prefix: '' }, rows);
  expect(guard.check()).toBeUndefined();
  for (const [name, variable] of embedder.parameters) {
    if (name.endsWith('1.output.LayerNorm.weight')) tf.tidy(() => variable.assign(tf.mul(variable, 0.001)));
  }
  expect(guard.check()).toMatch(
    /^the model is collapsing: unrelated texts have a mean cosine of (0\.99\d|1\.000)\n {2}fix: lower lr, raise batchSize/,
  );
  expect(guard.check()).toBeUndefined();
});
