/** Every family as ONNX in onnxruntime, beside this library's own vectors and the states of fixtures/families/generate.py. */

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Embedder, POOLING_STRATEGIES, useEngine } from '@uniem/core';
import { beforeAll, describe, expect, test, vi } from 'vitest';

import { FOLDERS, goldenOf, tinyModel, tinyTexts } from '../../test/tiny-models.ts';
import { ONNX_FILES } from '../formats/onnx.ts';
import { readParameter } from '../parameters.ts';
import { traceModel } from '../trace/trace.ts';
import type { OnnxPrecision } from './emitter.ts';
import { toOnnx } from './lower.ts';
import { writeOnnx } from './model.ts';
import { loadRuntime, OnnxSession } from './session.ts';

vi.stubEnv('UNIEM_NUM_THREADS', '1');

const SIDES = ['left', 'right'] as const;
const texts = tinyTexts(64);
let runtime: NonNullable<Awaited<ReturnType<typeof loadRuntime>>>;

beforeAll(async () => {
  await useEngine({ backend: 'native' });
  runtime = (await loadRuntime()) as typeof runtime;
});

async function sessionOf(embedder: Embedder, precision: OnnxPrecision = 'fp32', limit?: number): Promise<OnnxSession> {
  const path = join(mkdtempSync(join(tmpdir(), 'uniem-onnx-')), 'model.onnx');
  await writeOnnx(path, await toOnnx(traceModel(embedder), precision, readParameter(embedder)), limit);
  return OnnxSession.open(runtime, path);
}

/** The least cosine of rows, each against its own. */
function worstCosine(actual: Float32Array, expected: readonly Float32Array[]): number {
  const H = (expected[0] as Float32Array).length;
  expect(actual.length).toBe(H * expected.length);
  return Math.min(
    ...expected.map((row, i) => {
      const other = actual.subarray(i * H, (i + 1) * H);
      const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, h) => sum + value * (b[h] as number), 0);
      return dot(row, other) / Math.sqrt(dot(row, row) * dot(other, other));
    }),
  );
}

async function expectSameVectors(embedder: Embedder, session: OnnxSession, least = 0.99999): Promise<void> {
  const expected = await embedder.encode(texts, { progressBar: false });
  const ids = texts.map((text) => embedder.tokenizer.encode(text, embedder.maxLength));
  for (const side of SIDES) {
    const { sentenceEmbedding } = await session.run(ids, side);
    expect(worstCosine(sentenceEmbedding, expected), `padded ${side}`).toBeGreaterThanOrEqual(least);
  }
}

describe.each(FOLDERS)('%s', (folder) => {
  test('gives the vectors of encode and the states of transformers, padded on either side', async () => {
    const embedder = await Embedder.fromPretrained(tinyModel(folder));
    const session = await sessionOf(embedder);
    await expectSameVectors(embedder, session);
    const { inputIds, lastHiddenState } = goldenOf(folder);
    const four = inputIds.slice(0, 4);
    for (const side of SIDES) {
      const { lastHiddenState: actual, length } = await session.run(four, side);
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
    await session.close();
    embedder.dispose();
  });
});

describe.each(FOLDERS)('%s', (folder) => {
  test('runs in fp16 and int8, as near as an export has to be', async () => {
    const embedder = await Embedder.fromPretrained(tinyModel(folder));
    for (const { precision, least } of [ONNX_FILES.fp16, ONNX_FILES.int8]) {
      const session = await sessionOf(embedder, precision);
      await expectSameVectors(embedder, session, least);
      await session.close();
    }
    embedder.dispose();
  });
});

test('weights that are too large for one file lie beside it', async () => {
  const embedder = await Embedder.fromPretrained(tinyModel('ernie'));
  const session = await sessionOf(embedder, 'fp32', 10_000);
  await expectSameVectors(embedder, session);
  await session.close();
  embedder.dispose();
});

describe.each(['ernie', 'llama-grouped'])('%s', (folder) => {
  test.each(POOLING_STRATEGIES)('pools by %s, padded on either side', async (poolingStrategy) => {
    const embedder = await Embedder.fromPretrained(tinyModel(folder), { poolingStrategy });
    const session = await sessionOf(embedder);
    await expectSameVectors(embedder, session);
    await session.close();
    embedder.dispose();
  });
});
