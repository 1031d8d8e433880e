/** What a run that cannot be started, or cannot go on, says. */

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Dataset, loadDataset, type Row } from '@uniem/data';
import { afterAll, describe, expect, test } from 'vitest';
import type { FinetuneOptions } from '../options.ts';
import { FineTuner, type FineTunerOptions } from './finetuner.ts';

const tiny = fileURLToPath(new URL('../../../../fixtures/tiny-bert/model', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-bad-'));
afterAll(() => rmSync(folder, { recursive: true }));

const pair = { text: 'the cat', text_pos: 'a cat sat' };
const open = (dataset: FineTunerOptions['dataset'], options: object = {}) =>
  FineTuner.fromPretrained(tiny, { dataset, backend: 'tensorflow', ...options });

async function fromLines(name: string, rows: object[]): Promise<Dataset> {
  const path = join(folder, name);
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return loadDataset(path, { split: 'train' });
}

describe('records', () => {
  test('of no known fields name file, line and the fields found', async () => {
    const dataset = await fromLines('wrong.jsonl', [{ prompt: 'a', reply: 'b' }]);
    await expect(open(dataset)).rejects.toThrow(
      `${join(folder, 'wrong.jsonl')}:1: the fields {prompt, reply} match no record type\n` +
        '  fix: rename them to {text, text_pos}, {text, text_pos, text_neg}, {sentence1, sentence2, label}, {text, vector} or {text, label}',
    );
  });

  test('later in the file are found before training begins', async () => {
    const dataset = await fromLines('later.jsonl', [pair, pair, { text: 'a', positive: 'b' }]);
    await expect(open(dataset)).rejects.toThrow(
      `${join(folder, 'later.jsonl')}:3: a pair needs text_pos; the record has {text, positive}\n` +
        '  fix: give every record {text, text_pos}',
    );
  });

  test('without their task are named', async () => {
    const dataset = await fromLines('tasks.jsonl', [{ ...pair, task: 'a' }, pair, pair]);
    const outputDir = join(folder, 'tasks');
    await expect((await open(dataset)).run({ outputDir, batchSize: 2, taskField: 'task' })).rejects.toThrow(
      `${join(folder, 'tasks.jsonl')}:2: no column task; the record has {text, text_pos}\n  fix: give every record its task`,
    );
  });

  test('are left out with onBadRecord skip', async () => {
    const dataset = await fromLines('skip.jsonl', [pair, { text: 'a', text_pos: null }, pair]);
    const fineTuner = await open(dataset, { onBadRecord: 'skip' });
    const result = await fineTuner.run({ outputDir: join(folder, 'skip'), batchSize: 2, epochs: 1 });
    expect(result.steps).toBe(1);
    await expect(open([{ ...pair, text: '' }], { onBadRecord: 'skip' })).rejects.toThrow('the training set is empty');
    await expect(open(dataset, { onBadRecord: 'drop' })).rejects.toThrow(
      'onBadRecord: must be one of error, skip (received "drop")',
    );
  });

  test('of a validation set are checked too', async () => {
    const validation = await fromLines('dev.jsonl', [{ text: 'a' }]);
    await expect(open({ train: [pair], validation })).rejects.toThrow(
      `${join(folder, 'dev.jsonl')}:1: a pair needs text_pos; the record has {text}`,
    );
  });

  test('whose label is not a number are named', async () => {
    const scored = { sentence1: 'a', sentence2: 'b', label: 1 };
    const dataset = await fromLines('label.jsonl', [scored, { ...scored, label: 'high' }]);
    await expect(open(dataset)).rejects.toThrow(
      `${join(folder, 'label.jsonl')}:2: labels are words, not numbers: high\n  fix: give each a number: --label-map high=0 with your numbers`,
    );
  });

  test.each<[string, Iterable<Row> | AsyncIterable<Row>]>([
    ['a list', []],
    ['a Dataset', Dataset.fromRows([])],
    ['a stream', { async *[Symbol.asyncIterator](): AsyncGenerator<Row> {} }],
  ])('that are none, in %s, are refused', async (_, dataset) => {
    await expect(open(dataset)).rejects.toThrow('the training set is empty\n  fix: give at least one record');
  });

  test('of a generator, which can be read once, are refused', async () => {
    const generator = (async function* (): AsyncGenerator<Row> {
      yield pair;
    })();
    await expect(open(generator)).rejects.toThrow(
      'dataset: a generator is read once, but training reads its data again every epoch\n  fix: give an object whose',
    );
  });

  test('of a stream are checked as they come, and cannot be shuffled', async () => {
    const rows = [pair, pair, { text: 'a' }];
    const stream = {
      async *[Symbol.asyncIterator](): AsyncGenerator<Row> {
        yield* rows;
      },
    };
    const run = async (options: FinetuneOptions) =>
      (await open(stream)).run({ outputDir: mkdtempSync(join(folder, 'stream-')), batchSize: 2, ...options });
    await expect(run({})).rejects.toThrow('a pair needs text_pos; the record has {text}\n  fix: give every record');
    await expect(run({ shuffle: true })).rejects.toThrow('shuffle: a stream cannot be shuffled\n  fix: give a Dataset');
    expect((await run({ maxSteps: 1 })).steps).toBe(1);
    const short = await open(Dataset.fromRows([pair, pair]).toIterableDataset());
    await expect(short.run({ outputDir: join(folder, 'short'), batchSize: 64, dropLast: true })).rejects.toThrow(
      'no batch came of the training set\n  fix: give more records',
    );
  });

  test('too few for a batch are refused, and nothing is written', async () => {
    const outputDir = join(folder, 'few');
    await expect((await open([pair])).run({ outputDir, batchSize: 64 })).rejects.toThrow(
      'batchSize: no batch of 64 can be made of the training set\n  fix: give more records',
    );
    expect(existsSync(outputDir)).toBe(false);
  });
});

describe('options', () => {
  test.each([
    [
      { modelType: 'gpt5' },
      'modelType: must be one of sentence_transformers, uniem, text2vec, huggingface (received "gpt5")\n  fix: give one of',
    ],
    [
      { recordType: 'quad' },
      'recordType: must be one of scored_pair, scored_triplet, triplet, pair, text_vector, labeled_text (received "quad")\n  fix: give one of',
    ],
    [
      { modelType: 'uniem' },
      'config.json names no uniem_pooling_strategy, so it was not trained by uniem\n  fix: give',
    ],
  ])('fromPretrained refuses %o', async (options, text) => {
    await expect(open([pair, pair], options)).rejects.toThrow(text);
  });

  test.each<[FinetuneOptions, string]>([
    [{ epochs: 0 }, 'epochs: Too small: expected number to be >0 (received 0)\n  fix: see docs/cli.md'],
    [{ batchSize: 2.5 }, 'batchSize: Invalid input: expected int, received number (received 2.5)'],
    [{ batchSize: 1 }, 'batchSize: a batch of one pair has no negative\n  fix: give 2 or more'],
    [{ temperature: 0 }, 'temperature: Too small: expected number to be >0 (received 0)'],
    [{ dropout: 1.5 }, 'dropout: Too big: expected number to be <=1 (received 1.5)'],
    [
      { loraRank: 4 },
      "loraRank: has no meaning for strategy full (received 4)\n  fix: leave it out, or give strategy 'lora'",
    ],
    [
      { strategy: 'bitfit', prefixTokens: ['[q]'] },
      'prefixTokens: has no meaning for strategy bitfit (received ["[q]"])\n  fix: leave it out, or give strategy \'pre',
    ],
    [{ distillationLoss: 'cosine' }, 'distillationLoss: has no meaning for records of type pair\n  fix: leave it out'],
    [{ lr: -1 }, 'lr: Too small: expected number to be >=0 (received -1)'],
    [{ lr: Number.NaN }, 'lr: Invalid input: expected number, received NaN'],
    [{ precision: 'fp64' as 'fp32' }, 'precision: Invalid '],
    [{ backend: 'cpu' }, "backend: the model is on engine tensorflow (received 'cpu')\n  fix: give backend to"],
    [{ learningRate: 1 } as FinetuneOptions, 'options: Unrecognized key: "learningRate"\n  fix: see docs/cli.md'],
  ])('run refuses %o', async (options, text) => {
    const outputDir = join(folder, 'never');
    await expect((await open([pair, pair])).run({ outputDir, ...options })).rejects.toThrow(text);
    expect(existsSync(outputDir)).toBe(false);
  });
});

describe('outputDir', () => {
  const run = async (outputDir: string) => (await open([pair, pair])).run({ outputDir, epochs: 1, logInterval: 1 });

  test('that holds something else is refused', async () => {
    const outputDir = mkdtempSync(join(folder, 'thesis-'));
    writeFileSync(join(outputDir, 'thesis.tex'), '');
    await expect(run(outputDir)).rejects.toThrow(
      `outputDir ${outputDir}: the folder holds something else (thesis.tex)\n  fix: give a new folder, or one of an`,
    );
    expect(readdirSync(outputDir)).toEqual(['thesis.tex']);
  });

  test('whose model folder holds no model is refused before training', async () => {
    const outputDir = mkdtempSync(join(folder, 'railway-'));
    mkdirSync(join(outputDir, 'model'));
    writeFileSync(join(outputDir, 'model', 'engine.stl'), '');
    await expect(run(outputDir)).rejects.toThrow(`${outputDir}/model: the folder holds something else (engine.stl)`);
    expect(readdirSync(outputDir)).toEqual(['model']);
  });

  test('that is a file is refused', async () => {
    const outputDir = join(folder, 'file');
    writeFileSync(outputDir, '');
    await expect(run(outputDir)).rejects.toThrow(`${outputDir}: cannot be made (EEXIST: file already exists`);
  });

  test('of an earlier run is taken again', async () => {
    const outputDir = join(folder, 'again');
    await run(outputDir);
    const { steps } = await run(outputDir);
    expect(steps).toBe(1);
    expect(readdirSync(outputDir).sort()).toEqual(['metrics.jsonl', 'model', 'report.html']);
  });

  // /dev/full fails every write with ENOSPC.
  test.skipIf(!existsSync('/dev/full'))('on a full disk names the metrics file', async () => {
    const outputDir = mkdtempSync(join(folder, 'full-'));
    symlinkSync('/dev/full', join(outputDir, 'metrics.jsonl'));
    await expect(run(outputDir)).rejects.toThrow(
      `${join(outputDir, 'metrics.jsonl')}: could not be written (ENOSPC: no space left on device, write)\n  fix: free`,
    );
  });
});
