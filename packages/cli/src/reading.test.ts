/** --columns, --delimiter, --encoding, --field and --label-map of the commands that read --data or texts. */

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import type { Row } from '@uniem/data';
import { afterAll, describe, expect, test, vi } from 'vitest';

import type { DataFlags } from './data-flags.ts';
import { openTexts, type TextInput } from './texts.ts';
import { openData } from './training-data.ts';

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

test('compare takes them', { timeout: 60_000 }, async () => {
  const data = file('compare.txt', 'the cat\ta cat\na dog\tthe dog\none bird\ta bird\n');
  const output = join(folder, 'compare.json');
  await uniem('compare', '--model', model, '--data', data, '--columns', 'text,text_pos', '--output', output);
  expect(JSON.parse(readFileSync(output, 'utf8'))).toMatchObject({ task: 'retrieval', records: 3 });
  const named = file('words.json', JSON.stringify({ rows: [{ text: 'a', text_pos: 'b' }], other: [{ c: 1 }] }));
  const field = ['--field', 'rows', '--delimiter', ';'];
  await expect(uniem('compare', '--model', model, '--data', named, ...field)).rejects.toThrow(
    `${named}: delimiter applies to CSV, TSV and .txt files, and there are none here\n  fix: leave it out`,
  );
});

describe('texts to encode', () => {
  const read = async (given: Omit<TextInput, 'column' | 'stdinFormat'>) => {
    const texts: unknown[] = [];
    for await (const row of await openTexts({ column: 'text', stdinFormat: 'jsonl', ...given })) texts.push(row.text);
    return texts;
  };
  const gbk = Buffer.from('\xc4\xe3\xba\xc3\n\xd4\xd9\xbc\xfb\n', 'latin1');

  test('are lines of another encoding', async () => {
    const input = file('lines.txt', gbk);
    expect(await read({ input, format: { encoding: 'gbk' } })).toEqual(['你好', '再见']);
    await expect(read({ input })).rejects.toThrow(`${input}:1: not valid UTF-8`);
    const marked = file('utf16.txt', Buffer.from('\ufeff今天\r\n明天\n', 'utf16le'));
    expect(await read({ input: marked })).toEqual(['今天', '明天']);
  });

  test('are a column of fields without a header', async () => {
    const input = file('fields.txt', '1|the cat\n2|a dog\n');
    expect(await read({ input, format: { columns: ['id,text'], delimiter: '|' } })).toEqual(['the cat', 'a dog']);
    expect(await read({ input })).toEqual(['1|the cat', '2|a dog']);
  });

  test('are refused with a flag that their file has no use for', async () => {
    const lines = file('plain.txt', 'a\n');
    await expect(read({ input: lines, format: { field: 'data' } })).rejects.toThrow(
      `${lines}: field applies to .json files, and there are none here\n  fix: leave it out`,
    );
    await expect(read({ input: '-', format: { delimiter: ';' } })).rejects.toThrow('stdin.jsonl: delimiter applies to');
  });

  test('by encode, search and the flags of both', { timeout: 60_000 }, async () => {
    const input = file('encode.json', JSON.stringify({ rows: [{ text: 'a' }, { text: 'b' }], other: [{ text: 'c' }] }));
    const output = join(folder, 'encoded.jsonl');
    await uniem('encode', '--model', model, '--input', input, '--field', 'rows', '--output', output);
    expect(readFileSync(output, 'utf8').trim().split('\n')).toHaveLength(2);
    const index = join(folder, 'index');
    const fields = file('corpus.txt', '1\tthe cat\n2\ta dog\n');
    await uniem('search', 'index', '--index', index, '--model', model, '--input', fields, '--columns', 'id,text');
    const queries = file('queries.txt', gbk);
    const { stdout } = await uniem('search', 'query', '--index', index, '--input', queries, '--encoding', 'gbk');
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).query),
    ).toEqual(['你好', '再见']);
  });
});
