/** Against fixtures/strategies/generate.py: PEFT's LoRA, and torch for frozen layers, layer-wise rates and new tokens. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import * as tf from '@tensorflow/tfjs-core';
import { addedRows, assignParameters, Embedder, openSafetensors, type Parameters, useEngine } from '@uniem/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collate, type RecordBatch } from '../batches/records.ts';
import { gradientsOf, train } from '../gradients/trainer.ts';
import { batchLoss } from '../losses/losses.ts';
import { AdamW } from '../optimizer/adamw.ts';
import { type FinetuneOptions, resolveOptions } from '../options.ts';
import { FineTuner } from '../run/finetuner.ts';
import { applyStrategy } from './index.ts';
import { layerLrFactors } from './layers.ts';

const fixtures = new URL('../../../../fixtures/', import.meta.url);
const read = (path: string) => JSON.parse(readFileSync(new URL(path, fixtures), 'utf8'));
const golden = read('strategies/expected.json');
const rows = read('tiny-bert/training.json').records.map(([text, text_pos]: [string, string]) => ({ text, text_pos }));
const model = fileURLToPath(new URL('tiny-bert/model', fixtures));
const folder = mkdtempSync(join(tmpdir(), 'uniem-strategies-'));
afterAll(() => rmSync(folder, { recursive: true }));

type Nested = number | Nested[];
const flat = (values: Nested): number[] => [values].flat(Number.POSITIVE_INFINITY) as number[];
const tensors = (values: Record<string, Nested>, shapes: Parameters) =>
  new Map(
    Object.entries(values).map(([name, value]) => [
      name,
      { shape: shapes.get(name)?.shape ?? [], read: () => Float32Array.from(flat(value)) },
    ]),
  );

async function losses(embedder: Embedder, variables: Parameters, lr: number, prefix = '', lrFactor = () => 1) {
  async function* groups(): AsyncGenerator<RecordBatch[]> {
    for (let step = 0; step < 12; step++) {
      yield [collate(rows.slice(4 * (step % 3), 4 * (step % 3) + 4), 'pair', embedder, 64, prefix)];
    }
  }
  const steps = train<RecordBatch>({
    groups: groups(),
    gradients: (batch) =>
      gradientsOf(() => batchLoss(embedder, batch, { lossType: 'softmax', temperature: 0.05 }), variables),
    compute: (work) => embedder.compute(work),
    passesAStep: 1,
    variables,
    optimizer: new AdamW({ weightDecay: 1e-3, lrFactor }),
    schedule: () => lr,
    startStep: 0,
  });
  const found: number[] = [];
  for await (const { loss } of steps) found.push(loss);
  return found;
}

const options = (given: FinetuneOptions) => resolveOptions(given);

describe.each(['native', 'cpu'] as const)('on %s', (backend) => {
  beforeAll(async () => {
    await useEngine({ backend });
  });

  test('LoRA trains as PEFT does, and merges to its weights', async () => {
    const { rank, alpha, lr, before, losses: expected, merged } = golden.lora;
    const embedder = await Embedder.fromPretrained(model);
    const names = [...embedder.parameters.keys()];
    const strategy = applyStrategy(embedder, options({ strategy: 'lora', loraRank: rank, loraAlpha: alpha }));
    expect([...strategy.variables.keys()].sort()).toEqual(Object.keys(before).sort());
    assignParameters(strategy.variables, tensors(before, strategy.variables), 'golden');
    tf.test_util.expectArraysClose(await losses(embedder, strategy.variables, lr), expected, 1e-3);
    strategy.finish();
    expect([...embedder.parameters.keys()]).toEqual(names);
    for (const [name, values] of Object.entries<Nested>(merged)) {
      tf.test_util.expectArraysClose((await embedder.parameters.get(name)?.data()) as Float32Array, flat(values), 2e-3);
    }
    embedder.dispose();
  });

  test.each(golden.layers)(
    '$frozen frozen layers and a decay of $decay',
    async ({ frozen, decay, lr, losses: expected }) => {
      const embedder = await Embedder.fromPretrained(model);
      const { variables } = applyStrategy(embedder, options({ freezeLayers: frozen }));
      const factors = layerLrFactors(embedder.parameters.keys(), decay) as () => number;
      tf.test_util.expectArraysClose(await losses(embedder, variables, lr, '', factors), expected, 1e-3);
      embedder.dispose();
    },
  );

  test('prefix training changes the rows of the new tokens alone', async () => {
    const { tokens, ids, lr, before, losses: expected, after } = golden.prefix;
    const embedder = await Embedder.fromPretrained(model);
    const table = 'embeddings.word_embeddings.weight';
    const own = Array.from((await embedder.parameters.get(table)?.data()) as Float32Array);
    const strategy = applyStrategy(embedder, options({ strategy: 'prefix', prefixTokens: tokens, weightDecay: 0 }));
    expect(Array.from(embedder.tokenizer.encode(`${strategy.prefix}the cat`, 64))).toEqual(ids);
    const name = addedRows('embeddings.word_embeddings');
    assignParameters(strategy.variables, tensors({ [name]: before }, strategy.variables), 'golden');
    const variables = strategy.variables;
    tf.test_util.expectArraysClose(await losses(embedder, variables, lr, strategy.prefix), expected, 1e-3);
    strategy.finish();
    const grown = (await embedder.parameters.get(table)?.data()) as Float32Array;
    expect(Array.from(grown.subarray(0, own.length))).toEqual(own);
    tf.test_util.expectArraysClose(grown.subarray(own.length), flat(after), 2e-3);
    const saved = join(folder, `prefix-${backend}`);
    await embedder.save(saved);
    const again = await Embedder.fromPretrained(saved);
    const texts = [`${strategy.prefix}the cat`];
    expect(await again.encode(texts)).toEqual(await embedder.encode(texts));
    embedder.dispose();
    again.dispose();
  });
});

describe('a run', () => {
  const run = async (given: FinetuneOptions) => {
    const fineTuner = await FineTuner.fromPretrained(model, { dataset: rows, backend: 'native' });
    return fineTuner.run({ outputDir: join(folder, 'run'), batchSize: 4, epochs: 1, lr: 1e-2, ...given });
  };

  test('by LoRA saves the whole model, and the adapter as PEFT lays it out', async () => {
    const { modelFolder } = await run({ strategy: 'lora', saveAdapter: true });
    const [whole, before] = [modelFolder, model].map((path) => openSafetensors(join(path, 'model.safetensors')));
    expect([...(whole?.keys() ?? [])].sort()).toEqual([...(before?.keys() ?? [])].sort());
    const adapter = join(folder, 'run', 'adapter');
    expect(JSON.parse(readFileSync(join(adapter, 'adapter_config.json'), 'utf8'))).toMatchObject({
      peft_type: 'LORA',
      r: 8,
      lora_alpha: 16,
      target_modules: [
        'encoder.layer.0.attention.self.query',
        'encoder.layer.0.attention.self.value',
        'encoder.layer.1.attention.self.query',
        'encoder.layer.1.attention.self.value',
      ],
    });
    expect([...openSafetensors(join(adapter, 'adapter_model.safetensors')).keys()]).toContain(
      'base_model.model.encoder.layer.0.attention.self.query.lora_A.weight',
    );
  });

  test('by LoRA writes an adapter that opens: the saved model, for encoding and for further training', async () => {
    const outputDir = join(folder, 'adapter-run');
    const fineTuner = await FineTuner.fromPretrained(model, {
      dataset: rows,
      backend: 'native',
      poolingStrategy: 'cls',
    });
    const options = { outputDir, batchSize: 4, epochs: 1, lr: 1e-2, strategy: 'lora', saveAdapter: true } as const;
    const { modelFolder } = await fineTuner.run(options);
    const adapter = join(outputDir, 'adapter');
    const [opened, saved] = [await Embedder.fromPretrained(adapter), await Embedder.fromPretrained(modelFolder)];
    expect([opened.poolingStrategy, opened.maxLength]).toEqual(['cls', saved.maxLength]);
    const texts = ['the cat', 'a dog sat on the mat'];
    const [vectors, expected] = [await opened.encode(texts), await saved.encode(texts)];
    vectors.forEach((vector, i) => {
      tf.test_util.expectArraysClose(vector, expected[i] as Float32Array, 1e-6);
    });
    await expect(fineTuner.run(options)).rejects.toThrow(
      'saveAdapter: no folder holds the model as the last run left it',
    );
    const further = await FineTuner.fromPretrained(adapter, { dataset: rows });
    expect([further.modelType, further.modelTypeReason]).toEqual([
      'sentence_transformers',
      'the folder holds modules.json',
    ]);
    await expect(further.run({ ...options, outputDir: join(folder, 'again') })).rejects.toThrow(
      `saveAdapter: ${adapter} is an adapter itself, merged into ${model}`,
    );
    const { steps } = await further.run({ ...options, saveAdapter: false, outputDir: join(folder, 'further') });
    expect(steps).toBe(3);
  });

  test('keeps no gradient and no moments of what is frozen', async () => {
    await useEngine({ backend: 'native' });
    const embedder = await Embedder.fromPretrained(model);
    const strategy = applyStrategy(embedder, options({ strategy: 'lora' }));
    const before = tf.memory().numTensors;
    const optimizer = new AdamW();
    const batch = collate(rows.slice(0, 4), 'pair', embedder, 64);
    const { value, grads } = tf.variableGrads(
      () => batchLoss(embedder, batch, { lossType: 'softmax', temperature: 0.05 }),
      [...strategy.variables.values()],
    );
    expect(Object.keys(grads)).toHaveLength(strategy.variables.size);
    const byName = new Map([...strategy.variables].map(([name, { name: key }]) => [name, grads[key] as tf.Tensor]));
    optimizer.step(strategy.variables, byName, 1e-3);
    tf.dispose([value, ...Object.values(grads)]);
    expect(tf.memory().numTensors).toBe(before + 2 * strategy.variables.size);
    optimizer.dispose();
    strategy.finish();
    embedder.dispose();
  });

  test.each<[FinetuneOptions, string]>([
    [{ strategy: 'prefix' }, "prefixTokens: strategy prefix needs tokens\n  fix: give new tokens, as ['[query]']"],
    [
      { strategy: 'prefix', prefixTokens: ['the'] },
      "special tokens: the tokenizer has a token 'the'\n  fix: give a token",
    ],
    [
      { strategy: 'lora', loraTargets: ['nothing'] },
      'loraTargets: no layer is called nothing\n  fix: use ends of these names: ',
    ],
    [
      { strategy: 'bitfit', bitfitKeywords: ['gate', 'gamma'] },
      "bitfitKeywords: no parameter's name holds gate or gamma\n  fix: give a part of some names, as norm, or use strategy lora",
    ],
    [{ freezeLayers: 3 }, 'freezeLayers: the model has 2 layers (received 3)\n  fix: give at most 2'],
    [
      { strategy: 'bitfit', freezeLayers: 1 },
      "freezeLayers: has no meaning for strategy bitfit (received 1)\n  fix: leave it out, or give strategy 'full'",
    ],
  ])('of %j is refused', async (given, message) => {
    await expect(run(given)).rejects.toThrow(message);
  });
});
