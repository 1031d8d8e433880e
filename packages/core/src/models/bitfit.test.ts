/** BitFit on every family against fixtures/families/generate_bitfit.py (transformers, torch), on both engines. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { useEngine } from '../engine/engine.ts';
import { openSafetensors } from '../formats/safetensors.ts';
import { pairLoss } from '../losses/criteria.ts';
import { adamW, type Moments } from '../operations/adamw.ts';
import { packTokens } from '../tokenizer/token-batch.ts';
import { parseConfig } from './config.ts';
import { familyOf } from './index.ts';
import { loadParameters } from './parameters.ts';
import { pool } from './pooling.ts';

const fixtures = fileURLToPath(new URL('../../../../fixtures/families/', import.meta.url));
const read = (path: string) => JSON.parse(readFileSync(`${fixtures}${path}`, 'utf8'));

/** Null where a family has no parameter of such a name. */
type Golden = { trained: string[]; losses: number[] } | null;
const { lr, families } = read('bitfit.json') as { lr: number; families: Record<string, Golden> };

vi.stubEnv('UNIEM_NUM_THREADS', '1'); // of such small tensors, threads would only wait for one another

test('there is a golden of every model', () => {
  const folders = readdirSync(fixtures).filter((name) => existsSync(`${fixtures}${name}/expected.json`));
  expect(Object.keys(families)).toEqual(folders.sort());
});

describe.each(['native', 'tensorflow'] as const)('12 steps of AdamW on %s', (backend) => {
  beforeAll(async () => {
    await useEngine({ backend });
  });

  test.each(Object.entries(families))('%s', (folder, golden) => {
    const path = `${fixtures}${folder}/model.safetensors`;
    const config = parseConfig(read(`${folder}/config.json`), `${folder}/config.json`);
    config.dropout = { embedding: 0, hidden: 0, attention: 0 };
    const { shapes, optional, prefix, aliases, forward } = familyOf(config);
    const parameters = loadParameters(openSafetensors(path), shapes(config), optional(config), prefix, path, aliases);
    const trained = [...parameters].filter(([name]) => name.includes('bias'));
    const batch = packTokens(read(`${folder}/expected.json`).inputIds);
    const moments = new Map<string, Moments>();
    for (const [name, variable] of trained) {
      const zeros = () => tf.tidy(() => tf.variable(tf.zerosLike(variable), false));
      moments.set(name, { m: zeros(), v: zeros() });
    }
    const used = new Set<string>();
    const losses = (golden?.losses ?? []).map((_, step) => {
      const { value, grads } = tf.variableGrads(
        () => {
          const run = { parameters, batch, state: undefined, checkpointing: false };
          const vectors = pool(forward(config, run), batch, 'last_mean');
          return pairLoss(tf.slice(vectors, 0, 4), tf.slice(vectors, 4, 4));
        },
        trained.map(([, variable]) => variable),
      );
      for (const [name, variable] of trained) {
        const gradient = grads[variable.name] as tf.Tensor | undefined;
        if (!gradient) continue;
        used.add(name);
        const update = { lr, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, t: step + 1 };
        adamW(variable, gradient, moments.get(name) as Moments, update);
      }
      const loss = value.dataSync()[0] as number;
      tf.dispose([value, grads]);
      return loss;
    });
    expect([...used].sort()).toEqual(golden?.trained ?? []);
    losses.forEach((loss, step) => {
      const expected = (golden as { losses: number[] }).losses[step] as number;
      expect(Math.abs(loss - expected) / expected, `step ${step + 1}: ${loss}, expected ${expected}`).toBeLessThan(
        5e-3,
      );
    });
    tf.dispose([...parameters.values(), ...[...moments.values()].flatMap(({ m, v }) => [m, v])]);
  });
});
