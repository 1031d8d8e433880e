/** --columns, --delimiter, --encoding, --field and --label-map of the commands that read --data. */

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import type { Row } from '@uniem/data';
import { afterAll, describe, expect, test, vi } from 'vitest';

import { type DataFlags, openData } from './training-data.ts';

const command = fileURLToPath(new URL('../bin/uniem.js', import.meta.url));
const model = fileURLToPath(new URL('../../../fixtures/tiny-bert/model', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-reading-'));
afterAll(() => rmSync(folder, { recursive: true }));

const uniem = (...args: string[]) => promisify(execFile)(process.execPath, [command, ...args]);

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const unset = {
  dataWeights: [],
  rename: [],
  prefix: [],
  columns: [],
  labelMap: [],
  onBadRecord: 'error',
  streaming: false,
  seed: 42,
} as const;

async function open(flags: Partial<DataFlags>): Promise<{ train: Row[]; validation: Row[] }> {
  const { train, validation } = await openData({ ...unset, data: [], ...flags });
  const rowsOf = async (rows: unknown) => {
    const found: Row[] = [];
    for await (const row of (rows ?? []) as AsyncIterable<Row>) found.push(row);
    return found;
  };
  return { train: await rowsOf(train), validation: await rowsOf(validation) };
}

const pairs = file('lcqmc.txt', '手机坏了\t怎么修手机\t1\n今天\t明天\t0\n');

describe.each([{ streaming: false }, { streaming: true }])('with %j', (flags) => {
  test('--columns names the columns of a file without a header', async () => {
    for (const columns of [['sentence1,sentence2,label'], ['sentence1', 'sentence2', 'label']]) {
      const { train } = await open({ data: [pairs], columns, ...flags });
      expect(train[0]).toEqual({ sentence1: '手机坏了', sentence2: '怎么修手机', label: 1 });
    }
  });

  test('--encoding and --delimiter', async () => {
    const bytes = Buffer.from('text/text_pos\n\xc4\xe3\xba\xc3/\xd4\xd9\xbc\xfb\n', 'latin1'); // GBK
    const { train } = await open({ data: [file('gbk.csv', bytes)], encoding: 'gbk', delimiter: '/', ...flags });
    expect(train).toEqual([{ text: '你好', text_pos: '再见' }]);
  });

  test('--label-map of words, of the column that is renamed to label', async () => {
    const data = [file('nli.jsonl', '{"gold":"a=b, c"}\n{"gold":"neutral"}\n{"gold":"-"}\n')];
    const labelMap = ['a=b, c=1,neutral=0.5', '-=-1'];
    const { train } = await open({ data, rename: ['gold=label'], labelMap, ...flags });
    expect(train.map(({ label }) => label)).toEqual([1, 0.5, -1]);
  });

  test('--field', async () => {
    const data = [file('split.json', '{"train": [{"text": "a", "text_pos": "b"}], "test": [{"text": "c"}]}')];
    expect((await open({ data, field: 'train', ...flags })).train).toEqual([{ text: 'a', text_pos: 'b' }]);
  });
});

test('labels that are numbers of classes are told, unless a map gives others', async () => {
  const told = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const fixture = (name: string) => fileURLToPath(new URL(`../../../fixtures/data/files/${name}`, import.meta.url));
  const rename = ['premise=sentence1', 'hypothesis=sentence2'];
  for (const name of ['classes', 'classes.parquet']) await open({ data: [fixture(name)], rename });
  await open({ data: [fixture('classes')] }); // of other columns
  const labelMap = ['entailment=1,neutral=0.5,contradiction=0'];
  const { train } = await open({ data: [fixture('classes.parquet')], rename, labelMap });
  const lines = told.mock.calls.map(([line]) => line);
  told.mockRestore();
  expect(train.map(({ label }) => label)).toEqual([1, 0.5, 0]);
  const line =
    'warning: the labels are class numbers (0 entailment, 1 neutral, 2 contradiction), used as scores as they are; set others with ' +
    '--label-map entailment=…,neutral=…,contradiction=…\n';
  expect(lines).toEqual([line, line]);
});

test('a flag may be of use to one of several files, and not to none', async () => {
  const jsonl = file('dev.jsonl', '{"sentence1":"a","sentence2":"b","label":1}\n');
  const columns = ['sentence1,sentence2,label'];
  const { train, validation } = await open({ data: [pairs], evalData: jsonl, columns });
  expect([train.length, validation.length]).toEqual([2, 1]);
  await expect(open({ data: [jsonl], columns })).rejects.toThrow(
    `${jsonl}: columnNames applies to CSV, TSV and .txt files, and there are none here\n  fix: leave it out`,
  );
});

test('a file without a header says so, and shows the flag', { timeout: 60_000 }, async () => {
  const data = file('noheader.tsv', '手机坏了我要怎么办\t怎么修手机\t1\n今天\t明天\t0\n');
  const message =
    'they look like a record, not a header\n  fix: if the file has no header, name its columns: --columns sentence1,sentence2,label';
  await expect(uniem('finetune', '--model', model, '--data', data)).rejects.toThrow(message);
  await expect(uniem('evaluate', '--model', model, '--data', data)).rejects.toThrow(message);
});

test('evaluate takes them, and labels that are true or written as text', { timeout: 60_000 }, async () => {
  const texts = ['the cat', 'a dog runs', 'one bird', 'a horse'];
  const rows = texts.map((text, i) => [text, texts[(i + 1) % 4], String(i % 2)]);
  const txt = file('pairs.txt', rows.map((row) => `${row.join('\t')}\n`).join(''));
  const other = file(
    'pairs.jsonl',
    rows.map(([a, b, label]) => `${JSON.stringify({ a, b, label: label === '1' })}\n`).join(''),
  );
  const named = file(
    'words.jsonl',
    rows.map(([a, b, label]) => `${JSON.stringify({ a, b, label: label === '1' ? 'same' : 'other' })}\n`).join(''),
  );
  const rename = ['--rename', 'a=sentence1', '--rename', 'b=sentence2'];
  const measured = await uniem('evaluate', '--model', model, '--data', txt, '--columns', 'sentence1,sentence2,label');
  expect(JSON.parse(measured.stdout).ap).toBeGreaterThan(0);
  expect((await uniem('evaluate', '--model', model, '--data', other, ...rename)).stdout).toBe(measured.stdout);
  const mapped = ['--label-map', 'same=1,other=0'];
  expect((await uniem('evaluate', '--model', model, '--data', named, ...rename, ...mapped)).stdout).toBe(
    measured.stdout,
  );
});

test('mine takes them', { timeout: 60_000 }, async () => {
  const data = file('mine.txt', 'the cat|a cat\na dog|the dog\none bird|a bird\n');
  const output = join(folder, 'mined.jsonl');
  const flags = ['--columns', 'text,text_pos', '--delimiter', '|', '--num-negatives', '1'];
  await uniem('mine', '--model', model, '--data', data, '--output', output, ...flags);
  expect(readFileSync(output, 'utf8').trim().split('\n')).toHaveLength(3);
});

test('evaluate --tasks gives each task what it has a use for', { timeout: 60_000 }, async () => {
  const tasks = join(folder, 'tasks');
  mkdirSync(tasks);
  writeFileSync(join(tasks, 'a.txt'), 'the cat\ta cat\na dog\tthe dog\n');
  writeFileSync(
    join(tasks, 'b.jsonl'),
    '{"text":"the cat","text_pos":"a cat"}\n{"text":"a dog","text_pos":"the dog"}\n',
  );
  const { stdout } = await uniem('evaluate', '--model', model, '--tasks', tasks, '--columns', 'text,text_pos');
  const [first, second] = stdout.split('\n').map((line) => line.split(/ +/).at(-1));
  expect(first).toBe(second);
});

test('a word that is no label map is wrong usage', async () => {
  await expect(uniem('finetune', '--model', model, '--data', pairs, '--label-map', 'entailment')).rejects.toThrow(
    '--label-map: is not label=number (received entailment)',
  );
});
