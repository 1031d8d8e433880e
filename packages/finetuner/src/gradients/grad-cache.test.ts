/** GradCache beside one pass over the whole batch. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import * as tf from '@tensorflow/tfjs-core';
import { dropoutState, Embedder, packTokens, useEngine } from '@uniem/core';
import { afterAll, describe, expect, test } from 'vitest';
import { collate } from '../batches/records.ts';
import { embeddingsLoss } from '../losses/losses.ts';
import { FineTuner } from '../run/finetuner.ts';
import { cachedGradients, partsOf } from './grad-cache.ts';
import { type Gradients, gradientsOf } from './trainer.ts';

const model = fileURLToPath(new URL('../../../../fixtures/tiny-bert/model', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-grad-cache-'));
afterAll(() => rmSync(folder, { recursive: true }));

const words = ['the', 'cat', 'dog', 'sat', 'on', 'mat', 'run', 'ran', 'end', 'of', 'and'];
const text = (seed: number) =>
  Array.from({ length: 1 + (seed % 7) }, (_, i) => words[(seed * (i + 3) + i) % words.length]).join(' ');
const rows = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ text: `${text(i)} ${i % 10}`, text_pos: text(i + 5) }));
const options = { lossType: 'softmax', temperature: 0.05 } as const;

test('parts are whole texts within the budget, the last one part-filled', () => {
  const batch = packTokens([[1, 2, 3], [4], [5, 6, 7, 8, 9], [10], [11, 12]]);
  const parts = partsOf(batch, 4).map(({ inputIds, offsets }) => [[...inputIds], [...offsets]]);
  expect(parts).toEqual([
    [
      [1, 2, 3, 4],
      [0, 3, 4],
    ],
    [
      [5, 6, 7, 8, 9],
      [0, 5],
    ],
    [
      [10, 11, 12],
      [0, 1, 3],
    ],
  ]);
});

describe.each(['native', 'tensorflow'] as const)('on %s', (backend) => {
  async function both(count: number, dropout: number, tokensAtOnce: number) {
    await useEngine({ backend });
    const embedder = await Embedder.fromPretrained(model);
    embedder.setDropout(dropout);
    const batch = collate(rows(count), 'pair', embedder, 64);
    const parts = partsOf(batch.tokens, tokensAtOnce);
    const embed = (part: (typeof parts)[number], i: number) =>
      embedder.embed(part, dropout > 0 ? { ...dropoutState(7, 3), place: 1000 * i } : undefined);
    const loss = (x: tf.Tensor2D) => embeddingsLoss(embedder, x, batch, options);
    const whole = () => (dropout > 0 ? (tf.concat(parts.map(embed), 0) as tf.Tensor2D) : embedder.embed(batch.tokens));
    const tensors = tf.memory().numTensors;
    const peak = async (compute: () => Gradients) => {
      let found: Gradients | undefined;
      const { peakBytes } = await tf.profile(() => {
        found = compute();
        return found.value.clone();
      });
      return { ...(found as Gradients), peakBytes };
    };
    const plain = await peak(() => gradientsOf(() => loss(whole()), embedder.parameters));
    const cached = await peak(() =>
      cachedGradients({ tokens: batch.tokens, tokensAtOnce, embed, loss }, embedder.parameters),
    );
    return { plain, cached, parts: parts.length, tensors };
  }

  test.each([0, 0.1])('the gradient is that of one pass, with dropout %d', async (dropout) => {
    const { plain, cached, parts } = await both(30, dropout, 50);
    expect(parts).toBeGreaterThan(5);
    expect((await cached.value.data())[0]).toBeCloseTo((await plain.value.data())[0] as number, 5);
    expect([...cached.gradients.keys()].sort()).toEqual([...plain.gradients.keys()].sort());
    for (const [name, gradient] of plain.gradients) {
      const [expected, actual] = [await gradient.data(), await cached.gradients.get(name)?.data()];
      const largest = Math.max(...expected.map(Math.abs), 1);
      expected.forEach((value, i) => {
        expect(Math.abs(((actual as Float32Array)[i] as number) - value) / largest, name).toBeLessThan(1e-5);
      });
    }
  });

  test.runIf(backend === 'native')('512 pairs take a fraction of the memory, and leave nothing', async () => {
    const { plain, cached, tensors } = await both(512, 0.1, 400);
    expect(cached.peakBytes).toBeLessThan(plain.peakBytes / 4);
    tf.dispose([plain.value, cached.value, ...plain.gradients.values(), ...cached.gradients.values()]);
    expect(tf.memory().numTensors - tensors).toBeLessThanOrEqual(2); // tf.profile's clones of the two values
  });
});

test('a run has the losses of one without it', async () => {
  const losses = async (name: string, gradCacheTokens: number | undefined) => {
    const fineTuner = await FineTuner.fromPretrained(model, { dataset: rows(64), backend: 'native' });
    const { metricsFile } = await fineTuner.run({
      ...{ outputDir: join(folder, name), batchSize: 32, epochs: 2, lr: 1e-3, dropout: 0, logInterval: 1 },
      ...(gradCacheTokens === undefined ? {} : { gradCacheTokens }),
    });
    const lines = readFileSync(metricsFile, 'utf8').trim().split('\n');
    return lines.flatMap((line) => JSON.parse(line).loss ?? []) as number[];
  };
  const [plain, cached] = [await losses('plain', undefined), await losses('cached', 100)];
  expect(cached).toHaveLength(4);
  tf.test_util.expectArraysClose(cached, plain, 1e-4);
});
