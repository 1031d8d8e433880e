/** Runs on teachers' scores, on classes, and on records with and without negatives. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import * as tf from '@tensorflow/tfjs-core';
import { Embedder, pairLoss, useEngine } from '@uniem/core';
import { adaptRecords, Dataset, type Row } from '@uniem/data';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { recordBatches } from '../batches/record-batches.ts';
import { collate } from '../batches/records.ts';
import { type FinetuneOptions, resolveOptions } from '../options.ts';
import { FineTuner } from '../run/finetuner.ts';
import { checkLossOptions, describeLoss, embeddingsLoss, type LossOptions } from './losses.ts';

const model = fileURLToPath(new URL('../../../../fixtures/tiny-bert/model', import.meta.url));
const golden = JSON.parse(
  readFileSync(new URL('../../../../fixtures/supervised-losses/expected.json', import.meta.url), 'utf8'),
);
const folder = mkdtempSync(join(tmpdir(), 'uniem-supervised-'));
afterAll(() => rmSync(folder, { recursive: true }));

let embedder: Embedder;
beforeAll(async () => {
  await useEngine({ backend: 'native' });
  embedder = await Embedder.fromPretrained(model);
});

const words = ['cat', 'dog', 'mat', 'run', 'ran', 'end', 'sat', 'on'];
const input = (...names: string[]) =>
  tf.concat(
    names.map((name) => tf.tensor2d(golden.inputs[name])),
    0,
  ) as tf.Tensor2D;

async function lossOf(records: Row[], type: Parameters<typeof collate>[1], vectors: tf.Tensor2D, options: LossOptions) {
  const batch = collate(records, type, embedder, 64);
  return (await embeddingsLoss(embedder, vectors, batch, options).data())[0] as number;
}

describe('the loss of a batch', () => {
  // Rows of a column are those of a record each; the batch has a record's negatives together.
  const scored = [0, 1, 2, 3].map((i) => ({
    text: words[i],
    text_pos: `a ${words[i]}`,
    text_neg: ['of', 'the'],
    scores: golden.scores[i],
  }));
  const byRecord = () => {
    const [c, d] = [input('c'), input('d')];
    const negatives = [0, 1, 2, 3].flatMap((i) => [tf.slice(c, [i, 0], [1, -1]), tf.slice(d, [i, 0], [1, -1])]);
    return tf.concat([input('a', 'b'), ...negatives], 0) as tf.Tensor2D;
  };

  test('of scored triplets is that of the references', async () => {
    const { temperature, teacherTemperature, cases, teacherEntropy } = golden;
    const kl = await lossOf(scored, 'scored_triplet', byRecord(), { temperature });
    expect(kl).toBeCloseTo(cases['kl of FlagEmbedding'].loss - teacherEntropy, 4);
    const tempered = await lossOf(scored, 'scored_triplet', byRecord(), { temperature, teacherTemperature });
    expect(tempered * temperature ** 2).toBeCloseTo(cases['kl of sentence-transformers'].loss, 5);
    const margins = await lossOf(scored, 'scored_triplet', byRecord(), { distillationLoss: 'margin_mse' });
    expect(margins).toBeCloseTo(cases['margin_mse, two negatives'].loss, 3);
  });

  test('with contrastiveWeight adds the in-batch loss, as FlagEmbedding does', async () => {
    const options = { temperature: 0.05, inBatchPositives: true };
    const alone = await lossOf(scored, 'scored_triplet', byRecord(), { temperature: 0.05 });
    const contrastive = await lossOf(scored, 'triplet', byRecord(), options);
    const both = await lossOf(scored, 'scored_triplet', byRecord(), { ...options, contrastiveWeight: 0.5 });
    expect(both).toBeCloseTo(alone + contrastive / 2, 4);
  });

  test('of classes is that of the references, whatever the classes are called', async () => {
    const labels = ['a', 7, 'a', true, '7', 'a', 'c'];
    const texts = labels.map((label) => ({ text: 'cat', label }));
    const supcon = await lossOf(texts, 'labeled_text', input('x'), {});
    expect(supcon).toBeCloseTo(golden.cases.supcon.loss, 4);
    const all = await lossOf(texts, 'labeled_text', input('x'), { labeledLoss: 'batch_all_triplet' });
    expect(all).toBeCloseTo(golden.cases.batch_all_triplet.loss, 4);
  });

  test('of triplets without any negative is that of pairs; with some, positives are negatives for all', async () => {
    const bare = [0, 1, 2, 3].map((i) => ({ text: words[i], text_pos: `a ${words[i]}`, text_neg: [] }));
    const pairs = (await pairLoss(input('a'), input('b')).data())[0] as number;
    expect(await lossOf(bare, 'triplet', input('a', 'b'), {})).toBeCloseTo(pairs, 4);
    const mixed = [{ ...bare[0], text_neg: ['of', 'the'] }, ...bare.slice(1, 4), ...[]];
    const vectors = tf.concat([input('a', 'b'), tf.slice(input('c'), [0, 0], [2, -1])], 0) as tf.Tensor2D;
    const all = await lossOf(mixed, 'triplet', vectors, {});
    const full = [0, 1, 2, 3].map((i) => ({ ...bare[i], text_neg: i < 2 ? ['of'] : [] }));
    expect(all).toBeCloseTo(await lossOf(full, 'triplet', vectors, { inBatchPositives: true }), 5);
    expect(all).toBeGreaterThan(pairs);
  });
});

describe('a run', () => {
  const run = async (dataset: Row[] | Dataset | { train: Row[]; validation: Row[] }, options: FinetuneOptions) => {
    const fineTuner = await FineTuner.fromPretrained(model, { dataset });
    const outputDir = mkdtempSync(join(folder, 'run-'));
    const losses: number[] = [];
    const given = { outputDir, epochs: 20, batchSize: 4, lr: 1e-3, logInterval: 100, ...options };
    const result = await fineTuner.run(given, { onEpoch: ({ trainLoss }) => losses.push(trainLoss) });
    return { losses, result };
  };
  const classes = ['cat dog', 'dog cat', 'the cat', 'run ran', 'ran run', 'the run', 'on the mat', 'mat on', 'the mat'];
  const labelled = classes.map((text, i) => ({ text, label: ['pet', 'move', 'place'][Math.floor(i / 3)] }));
  const scored = words.map((word, i) => ({
    query: word,
    pos: `a ${word}`,
    neg: i % 2 ? ['of', 'the'] : ['of'],
    pos_scores: [i % 3],
    neg_scores: i % 2 ? [1, -1] : [2],
  }));

  test.each(['kl', 'margin_mse'] as const)(
    "learns a teacher's scores of FlagEmbedding's records by %s",
    async (loss) => {
      const dataset = adaptRecords(Dataset.fromRows(scored), 'bge');
      const { losses } = await run(dataset, { distillationLoss: loss });
      expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 2);
    },
  );

  test.each(['supcon', 'batch_all_triplet'] as const)(
    'learns classes by %s, and measures classification',
    async (loss) => {
      const dataset = { train: labelled, validation: labelled };
      const { losses, result } = await run(dataset, { labeledLoss: loss, epochs: 12, tripletMargin: 1 });
      expect(losses.at(-1)).toBeLessThan((losses[0] as number) * 0.9);
      expect(result.evaluation).toMatchObject({ task: 'classification', records: labelled.length });
      expect(result.evaluation?.after.accuracy).toBeGreaterThan(0.8);
    },
  );

  test('says once that some records have no negatives, and learns from all', async () => {
    const told = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const dataset = words.map((word, i) => ({ text: word, text_pos: `a ${word}`, text_neg: i % 2 ? ['of'] : [] }));
    const { losses } = await run(dataset, {});
    const lines = told.mock.calls.map(([line]) => String(line)).filter((line) => line.includes('negatives'));
    told.mockRestore();
    expect(lines).toEqual([
      'warning: 4 of 8 records have no negatives: the other positives of the batch are used as negatives throughout (inBatchPositives)\n',
    ]);
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 2);
  });

  test('refuses batches whose labels are all alike, and a model of which nothing trains', async () => {
    const sorted = words.map((word, i) => ({ sentence1: word, sentence2: `a ${word}`, label: i < 4 ? 0 : 1 }));
    await expect(run(sorted, {})).rejects.toThrow(
      'batchSize: 2 of the first 2 batches contain a single text or a single label, so nothing can be learned from them\n  fix: give shuffle',
    );
    await expect(
      run(
        words.map((text) => ({ text, text_pos: `a ${text}` })),
        { freezeLayers: 2 },
      ),
    ).rejects.toThrow(
      'freezeLayers: no parameter that the embeddings depend on would be trained\n  fix: give a smaller number',
    );
  });
});

test('batches of classes have several texts of each', async () => {
  const rows = Dataset.fromRows(words.map((text, i) => ({ text, label: i < 4 ? 'a' : 'b' })));
  const options = { ...resolveOptions({}), batchSize: 4, maxLength: 16 };
  const batches = [];
  for await (const batch of recordBatches(rows, { embedder, recordType: 'labeled_text', options, prefix: '' })) {
    batches.push([...(batch.labels as Float32Array)]);
  }
  expect(batches).toEqual([
    [0, 0, 1, 1],
    [0, 0, 1, 1],
  ]);
});

test.each<[Parameters<typeof checkLossOptions>[0], LossOptions, string]>([
  [
    'scored_triplet',
    { distillationLoss: 'mse' },
    "distillationLoss: 'mse' is not a loss for records of type scored_triplet\n  fix: give kl or margin_mse",
  ],
  [
    'text_vector',
    { distillationLoss: 'kl' },
    "distillationLoss: 'kl' is not a loss for records of type text_vector\n  fix: give mse or cosine",
  ],
  [
    'scored_triplet',
    { symmetricLoss: true },
    'symmetricLoss: is an option of the in-batch loss, which this distillation does not use\n  fix: give contrastiveWeight above 0',
  ],
  [
    'scored_triplet',
    { distillationLoss: 'margin_mse', matryoshkaDims: [8] },
    "matryoshkaDims: compares vectors of length 1, and margin_mse the vectors' own lengths\n  fix: give distillationLoss 'kl'",
  ],
  [
    'labeled_text',
    { labeledLoss: 'batch_all_triplet', matryoshkaDims: [8] },
    'matryoshkaDims: compares vectors of length 1, and batch_all_triplet',
  ],
  [
    'triplet',
    { labeledLoss: 'batch_all_triplet' },
    'labeledLoss: has no meaning for records of type triplet\n  fix: leave it out, or give records of type labeled_text',
  ],
])('of type %s, %o is refused', (type, options, message) => {
  expect(() => checkLossOptions(type, options, 8)).toThrow(message);
});

test('the model card says which loss it was', () => {
  const said = (type: Parameters<typeof describeLoss>[0], options: FinetuneOptions) =>
    describeLoss(type, resolveOptions(options));
  expect(said('scored_triplet', { teacherTemperature: 2 })).toBe(
    "distillation kl, temperature 0.05, teacher's temperature 2",
  );
  expect(said('scored_triplet', { distillationLoss: 'margin_mse' })).toBe('distillation margin_mse');
  expect(said('scored_triplet', { contrastiveWeight: 1 })).toBe(
    'distillation kl, 1 times in-batch softmax, temperature 0.05',
  );
  expect(said('labeled_text', { labeledLoss: 'batch_all_triplet' })).toBe('batch_all_triplet, margin 5');
  expect(said('labeled_text', {})).toBe('supcon, temperature 0.05');
});
