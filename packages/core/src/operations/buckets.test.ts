/** Which row each distance of relative positions reads, against fixtures/families/generate.py (transformers). */

import { readFileSync } from 'node:fs';

import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';

import { useEngine } from '../engine/engine.ts';
import { packTokens } from '../tokenizer/token-batch.ts';
import { relativeRows } from './disentangled.ts';
import { relativeBias } from './relative-bias.ts';

const FARTHEST = 600;
const url = new URL('../../../../fixtures/families/buckets.json', import.meta.url);
const golden = JSON.parse(readFileSync(url, 'utf8')) as Record<'t5' | 'deberta-v2', number[]>;
const batch = packTokens([new Int32Array(FARTHEST)]);

beforeAll(() => useEngine({ backend: 'cpu' }));

test('of T5', () => {
  const bias = tf.tidy(() => {
    const table = tf.tensor2d(Array.from({ length: 32 }, (_, bucket) => [bucket]));
    return tf.squeeze(relativeBias(table, batch, 32, 128), [0]).arraySync() as number[][];
  });
  const ofFirst = bias[0] as number[]; // keys 0, 1, … later
  const ofLast = bias[FARTHEST - 1] as number[]; // keys …, 1, 0 earlier
  expect([...ofLast, ...ofFirst.slice(1)]).toEqual(golden.t5.slice(1, -1));
});

test('of DeBERTa', () => {
  const { first, count, rising, falling } = relativeRows(batch, 256, 512);
  const expected = golden['deberta-v2'].map((bucket) => Math.min(511, Math.max(0, bucket + 256)));
  expect([...rising].map((row) => row + first)).toEqual(expected.slice(1));
  expect([...falling].map((row) => row + first)).toEqual(expected.slice(0, -1).reverse());
  expect([first, count]).toEqual([Math.min(...expected), Math.max(...expected) - Math.min(...expected) + 1]);
});
