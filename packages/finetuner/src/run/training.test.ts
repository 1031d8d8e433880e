/** Against fixtures/tiny-bert/generate.py (torch.optim.AdamW, 12 steps). */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { dropoutState, Embedder, useEngine } from '@uniem/core';
import { beforeAll, describe, expect, test } from 'vitest';
import { collate, type RecordBatch } from '../batches/records.ts';
import { gradientStep, gradientsOf, train } from '../gradients/trainer.ts';
import { batchLoss } from '../losses/losses.ts';
import { AdamW } from '../optimizer/adamw.ts';
import { bitfit } from '../strategies/index.ts';

const fixtures = new URL('../../../../fixtures/tiny-bert/', import.meta.url);
const golden = JSON.parse(readFileSync(new URL('training.json', fixtures), 'utf8'));
const rows = golden.records.map(([text, text_pos]: [string, string]) => ({ text, text_pos }));
const options = { lossType: 'softmax', temperature: 0.05 } as const;

const trainable = ({ parameters }: Embedder, strategy: 'full' | 'bitfit') =>
  strategy === 'full' ? parameters : bitfit(parameters, ['bias']);

const open = () => Embedder.fromPretrained(fileURLToPath(new URL('model', fixtures)));
const batchOf = (embedder: Embedder, step: number) =>
  collate(rows.slice(4 * (step % 3), 4 * (step % 3) + 4), 'pair', embedder, 64);

describe.each(['native', 'tensorflow', 'wasm'] as const)('on %s', (backend) => {
  beforeAll(async () => {
    await useEngine({ backend });
  });

  test.each(['full', 'bitfit'] as const)('12 AdamW steps, %s, have the losses of torch', async (strategy) => {
    const embedder = await open();
    const { lr, losses } = golden[strategy];
    async function* groups(): AsyncGenerator<RecordBatch[]> {
      for (let step = 0; step < 12; step++) yield [batchOf(embedder, step)];
    }
    const variables = trainable(embedder, strategy);
    const steps = train<RecordBatch>({
      groups: groups(),
      gradients: (batch) => gradientsOf(() => batchLoss(embedder, batch, options), variables),
      compute: (work) => embedder.compute(work),
      passesAStep: 1,
      variables,
      optimizer: new AdamW({ weightDecay: 1e-3 }),
      schedule: () => lr,
      startStep: 0,
    });
    const actual: number[] = [];
    for await (const { loss } of steps) actual.push(loss);
    actual.forEach((loss, i) => {
      expect(Math.abs(loss - losses[i]), `step ${i + 1}`).toBeLessThan(1e-4 * Math.max(1, losses[i]));
    });
  });

  test('every gradient of the first step is that of torch', async () => {
    const embedder = await open();
    const variables = [...embedder.parameters].filter(([name]) => !name.startsWith('pooler'));
    const { grads } = tf.variableGrads(
      () => batchLoss(embedder, batchOf(embedder, 0), options),
      variables.map(([, variable]) => variable),
    );
    const expected: Record<string, number[][]> = golden.full.gradients;
    expect(Object.keys(expected).sort()).toEqual(variables.map(([name]) => name).sort());
    for (const [name, variable] of variables) {
      const values = (expected[name] as number[][]).flat();
      const actual = await (grads[variable.name] as tf.Tensor).data();
      const largest = Math.max(...values.map(Math.abs));
      values.forEach((value, i) => {
        expect(Math.abs((actual[i] as number) - value), `${name}[${i}]`).toBeLessThanOrEqual(
          1e-4 * Math.max(1e-2, largest),
        );
      });
    }
  });

  test('a group of batches has the mean of their losses and gradients, and keeps nothing else', async () => {
    const embedder = await open();
    const { parameters } = embedder;
    const batches = [batchOf(embedder, 0), batchOf(embedder, 1)];
    const stepOver = (group: RecordBatch[]) =>
      gradientStep(group, (batch) => gradientsOf(() => batchLoss(embedder, batch, options), parameters));
    const apart = batches.map((batch) => stepOver([batch]));
    const before = tf.memory().numTensors;
    const together = stepOver(batches);
    expect(tf.memory().numTensors - before).toBe(1 + together.gradients.size);
    const mean = (parts: tf.Tensor[]) => tf.mul(tf.addN(parts), 0.5).dataSync();
    tf.test_util.expectArraysClose(together.value.dataSync(), mean(apart.map(({ value }) => value)), 1e-5);
    expect([...together.gradients.keys()]).toEqual([...parameters.keys()].filter((name) => !name.startsWith('pooler')));
    for (const [name, gradient] of together.gradients) {
      const parts = apart.map(({ gradients }) => gradients.get(name) as tf.Tensor);
      tf.test_util.expectArraysClose(gradient.dataSync(), mean(parts), 1e-5);
    }
  });

  test('layers computed again in backward give the same gradients', async () => {
    const embedder = await open();
    const variables = [...embedder.parameters].flatMap(([name, variable]) =>
      name.startsWith('pooler') ? [] : [variable],
    );
    const batch = batchOf(embedder, 0);
    const tensors = tf.memory().numTensors;
    const gradients = [false, true].map((gradientCheckpointing) => {
      const dropout = dropoutState(5, 3);
      return tf.variableGrads(
        () => batchLoss(embedder, batch, { ...options, gradientCheckpointing }, dropout),
        variables,
      );
    });
    const [kept, again] = gradients;
    expect(await again?.value.data()).toEqual(await kept?.value.data());
    for (const { name } of variables) {
      const [a, b] = [await kept?.grads[name]?.data(), await again?.grads[name]?.data()];
      tf.test_util.expectArraysClose(b as Float32Array, a as Float32Array, 1e-6);
    }
    tf.dispose(gradients);
    expect(tf.memory().numTensors).toBe(tensors);
  });
});

test('frozen weights cost no gradient on native', async () => {
  await useEngine({ backend: 'native' });
  const embedder = await open();
  const kernelsOf = async (strategy: 'full' | 'bitfit') => {
    const variables = [...trainable(embedder, strategy)].flatMap(([name, variable]) =>
      name.startsWith('pooler') ? [] : [variable],
    );
    const { kernelNames } = await tf.profile(() => {
      const { value, grads } = tf.variableGrads(() => batchLoss(embedder, batchOf(embedder, 0), options), variables);
      tf.dispose(grads);
      return value;
    });
    return kernelNames;
  };
  const weights = ['LinearGradWeight', 'EmbeddingGrad'];
  expect(await kernelsOf('full')).toEqual(expect.arrayContaining(weights));
  const bitfit = await kernelsOf('bitfit');
  for (const name of weights) expect(bitfit).not.toContain(name);
  expect(bitfit).toEqual(expect.arrayContaining(['ColumnSum', 'LinearGradInput', 'LayerNormGrad']));
});
