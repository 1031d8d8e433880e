/** `uniem evaluate` on a folder of tasks, with the real all-MiniLM-L6-v2. */

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { afterAll, describe, expect, test, vi } from 'vitest';

import { minilmFolder } from '../../../examples/minilm.ts';
import { isRetrievalFolder, readRetrievalFolder } from './retrieval-folder.ts';

const command = fileURLToPath(new URL('../bin/uniem.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-evaluate-'));
afterAll(() => rmSync(folder, { recursive: true }));

const uniem = (...args: string[]) => promisify(execFile)(process.execPath, [command, 'evaluate', ...args]);
const jsonl = (rows: object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

const topics: Record<string, string[]> = {
  animals: ['a cat sleeps', 'dogs bark at night', 'the horse runs', 'birds sing in spring', 'a fish swims'],
  money: ['the bank lends money', 'shares fell today', 'she paid the invoice', 'prices rise', 'a loan at low interest'],
};
const labelled = Object.entries(topics).flatMap(([label, texts]) => texts.map((text) => ({ text, label })));

test('a folder of tasks gives a table, and its metrics as JSON', { timeout: 60_000 }, async () => {
  const tasks = join(folder, 'tasks');
  mkdirSync(join(tasks, 'topics'), { recursive: true });
  writeFileSync(join(tasks, 'topics', 'train.jsonl'), jsonl(labelled.filter((_, i) => i % 5 < 3)));
  writeFileSync(join(tasks, 'topics', 'test.jsonl'), jsonl(labelled.filter((_, i) => i % 5 >= 3)));
  writeFileSync(join(tasks, 'groups.jsonl'), jsonl(labelled));
  writeFileSync(
    join(tasks, 'similar.csv'),
    'sentence1,sentence2,label\na cat sleeps,a cat is sleeping,5\na cat sleeps,a dog sleeps,3\na cat sleeps,prices rise,0\n',
  );
  const search = join(tasks, 'search');
  mkdirSync(join(search, 'qrels'), { recursive: true });
  const texts = Object.values(topics).flat();
  writeFileSync(join(search, 'corpus.jsonl'), jsonl(texts.map((text, i) => ({ _id: `d${i}`, title: '', text }))));
  writeFileSync(
    join(search, 'queries.jsonl'),
    jsonl([
      { _id: '1', text: 'a kitten naps' },
      { _id: '2', text: 'unjudged' },
    ]),
  );
  writeFileSync(join(search, 'qrels', 'test.tsv'), 'query-id\tcorpus-id\tscore\n1\td0\t2\n1\td5\t0\n');
  const output = join(folder, 'report.json');
  const { stdout } = await uniem('--model', minilmFolder(), '--tasks', tasks, '--output', output);
  expect(stdout).toBe(
    'groups   clustering      vMeasure  100.00\n' +
      'search   retrieval       ndcg@10   100.00\n' +
      'similar  sts             spearman  100.00\n' +
      'topics   classification  accuracy  100.00\n' +
      'mean                               100.00\n',
  );
  const report = JSON.parse(readFileSync(output, 'utf8'));
  expect(report.search).toMatchObject({ task: 'retrieval', records: 1, metrics: { 'mrr@10': 1, 'recall@1': 1 } });
  expect(report.topics).toEqual({ task: 'classification', records: 4, metrics: { accuracy: 1, f1: 1 } });
});

test('one of --data and --tasks is needed', async () => {
  await expect(uniem('--model', 'm')).rejects.toThrow(
    'OptionError: --data, --tasks: one of the two is needed\n  fix: give either --data or --tasks',
  );
});

describe('a folder of BEIR', () => {
  const beir = join(folder, 'beir');
  mkdirSync(join(beir, 'qrels'), { recursive: true });
  writeFileSync(
    join(beir, 'corpus.jsonl'),
    jsonl([
      { _id: 'd0', title: 'Cats', text: 'sleep' },
      { _id: 7, text: 'dogs' },
    ]),
  );
  writeFileSync(join(beir, 'queries.jsonl'), jsonl([{ _id: 'q0', text: 'pets' }]));

  test('gives its judged queries, its documents with their titles, and the gains', async () => {
    writeFileSync(join(beir, 'qrels', 'dev.tsv'), 'query-id\tcorpus-id\tscore\r\nq0\td0\t2\r\nq0\t7\t1\r\n');
    expect(isRetrievalFolder(beir)).toBe(true);
    expect(await readRetrievalFolder(beir, undefined)).toEqual({
      queries: ['pets'],
      documents: ['Cats sleep', 'dogs'],
      relevant: [
        new Map([
          [0, 2],
          [1, 1],
        ]),
      ],
      unfound: [[]],
    });
  });

  test('counts a relevant document that the corpus does not have as never found, and says how many lines', async () => {
    const told = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const qrels = join(beir, 'qrels', 'sampled.tsv');
    writeFileSync(qrels, 'q0\td0\t2\nq0\td8\t1\nq0\td9\t0\nq1\td0\t1\n');
    const task = await readRetrievalFolder(beir, 'sampled');
    const lines = told.mock.calls.map(([line]) => line);
    told.mockRestore();
    expect(task).toMatchObject({ queries: ['pets'], relevant: [new Map([[0, 2]])], unfound: [[1]] });
    expect(lines).toEqual([
      `${qrels}: 1 line whose query is not in queries.jsonl: not evaluated\n`,
      `${qrels}: 2 lines whose document is not in corpus.jsonl: never found\n`,
    ]);
  });

  test.each([
    [
      'q1\td0\t1',
      'bad.tsv: judges no document above 0 for a query in queries.jsonl (1 lines are of other queries)\n  fix: give',
    ],
    ['q0\td8\t1', 'bad.tsv: none of its relevant documents is in the corpus\n  fix: give them in corpus.jsonl'],
    [
      'q0 d0 1',
      'bad.tsv: judges no document above 0 for a query in queries.jsonl (0 lines are of other queries)\n  fix: give',
    ],
    ['q0\td0\t1\nq0\td0', "bad.tsv:2: score is ''\n  fix: give query, document and a number, parted by tabs"],
  ])('whose judgements are %j is refused', async (text, message) => {
    writeFileSync(join(beir, 'qrels', 'bad.tsv'), text);
    await expect(readRetrievalFolder(beir, 'bad')).rejects.toThrow(message);
  });

  test('without the split, or with a flag it cannot honour, is refused', async () => {
    await expect(readRetrievalFolder(beir, 'train')).rejects.toThrow(
      `no train.tsv in ${join(beir, 'qrels')}\n  fix: name`,
    );
    await expect(uniem('--model', 'm', '--data', beir, '--encoding', 'gbk')).rejects.toThrow(
      `--encoding: ${beir} is a retrieval task of queries and a corpus\n  fix: leave the flag out`,
    );
    await expect(uniem('--model', 'm', '--data', beir, '--swap')).rejects.toThrow(
      `--swap: ${beir} is a retrieval task of queries and a corpus\n  fix: leave the flag out`,
    );
  });
});

test('a folder with nothing but a test split is measured', { timeout: 60_000 }, async () => {
  const only = join(folder, 'test-only');
  mkdirSync(only);
  writeFileSync(join(only, 'test.jsonl'), jsonl([{ text: 'a cat', text_pos: 'a kitten' }]));
  const { stdout } = await uniem('--model', minilmFolder(), '--data', only);
  expect(JSON.parse(stdout)['mrr@10']).toBe(1);
});
