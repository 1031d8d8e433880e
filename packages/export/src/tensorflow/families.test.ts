/** Every family as a GraphModel in TF.js, beside this library's own vectors and the states of fixtures/families/generate.py. */

import { join } from 'node:path';

import * as tf from '@tensorflow/tfjs-core';
import { Embedder, POOLING_STRATEGIES, useEngine } from '@uniem/core';
import { beforeAll, describe, expect, test, vi } from 'vitest';

import { FOLDERS, goldenOf, temporaryFolder, tinyModel, tinyTexts } from '../../test/tiny-models.ts';
import { readParameter } from '../parameters.ts';
import { requireCosine } from '../self-check.ts';
import { traceModel } from '../trace/trace.ts';
import { writeGraphModel } from './graph-model.ts';
import { GraphModelSession, loadConverter } from './session.ts';

vi.stubEnv('UNIEM_NUM_THREADS', '1');

const SIDES = ['left', 'right'] as const;
const texts = tinyTexts(64, 12); // TF.js's cpu engine is slow
let converter: NonNullable<Awaited<ReturnType<typeof loadConverter>>>;

beforeAll(async () => {
  await useEngine({ backend: 'native' });
  converter = (await loadConverter()) as typeof converter;
});

async function sessionOf(embedder: Embedder): Promise<GraphModelSession> {
  const folder = temporaryFolder();
  await writeGraphModel(folder, traceModel(embedder), readParameter(embedder));
  return GraphModelSession.open(converter, join(folder, 'model.json'));
}

async function expectSameVectors(embedder: Embedder, session: GraphModelSession): Promise<void> {
  const expected = await embedder.encode(texts, { progressBar: false });
  const ids = texts.map((text) => embedder.tokenizer.encode(text, embedder.maxLength));
  for (const side of SIDES) {
    const { sentenceEmbedding } = await session.run(ids, side);
    expect(sentenceEmbedding).toHaveLength(texts.length * (expected[0] as Float32Array).length);
    expect(requireCosine(sentenceEmbedding, expected, 0.99999, `padded ${side}`)).toBeLessThan(1.00001);
  }
}

describe.each(FOLDERS)('%s', (folder) => {
  test('gives the vectors of encode and the states of transformers, padded on either side', async () => {
    const before = tf.memory().numTensors;
    const embedder = await Embedder.fromPretrained(tinyModel(folder));
    const session = await sessionOf(embedder);
    await expectSameVectors(embedder, session);
    const { inputIds, lastHiddenState } = goldenOf(folder);
    for (const side of SIDES) {
      const { lastHiddenState: actual, length } = await session.run(inputIds.slice(0, 4), side);
      const H = actual.length / (4 * length);
      lastHiddenState.forEach((states, b) => {
        const first = side === 'left' ? length - states.length : 0;
        states.flat().forEach((value, i) => {
          const found = actual[(b * length + first) * H + i] as number;
          if (!(Math.abs(found - value) <= 1e-4 * Math.max(1, Math.abs(value)))) {
            expect.fail(`padded ${side}, text ${b}, value ${i}: ${found}, expected ${value}`);
          }
        });
      });
    }
    session.close();
    embedder.dispose();
    expect(tf.memory().numTensors, 'tensors left').toBe(before);
  });
});

describe.each(['ernie', 'llama-grouped'])('%s', (folder) => {
  test.each(POOLING_STRATEGIES)('pools by %s, padded on either side', async (poolingStrategy) => {
    const embedder = await Embedder.fromPretrained(tinyModel(folder), { poolingStrategy });
    const session = await sessionOf(embedder);
    await expectSameVectors(embedder, session);
    session.close();
    embedder.dispose();
  });
});
