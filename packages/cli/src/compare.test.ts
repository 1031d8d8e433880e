/** `uniem evaluate --provider` and `uniem compare`: local and loopback models on one task. */

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { evaluateTask } from '@uniem/finetuner';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { KEYS, Loopback, vectorOf } from '../../providers/test/loopback.ts';
import { comparisonHtml, comparisonTable } from './comparison/report.ts';
import type { Comparison } from './comparison/row.ts';
import { parseModel } from './comparison/spec.ts';

const command = fileURLToPath(new URL('../bin/uniem.js', import.meta.url));
const tiny = fileURLToPath(new URL('../../../fixtures/tiny-bert/model', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-compare-'));

let server: Loopback;
beforeAll(async () => {
  server = await Loopback.start();
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  server.received.length = 0;
});

function uniem(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { PATH: process.env.PATH, OPENAI_API_KEY: KEYS.OPENAI_API_KEY, OPENAI_BASE_URL: `${server.origin}/v1` };
  return new Promise((resolve) => {
    execFile(process.execPath, [command, ...args], { cwd: folder, env }, (error, stdout, stderr) => {
      for (const key of Object.values(KEYS)) expect(stdout + stderr).not.toContain(key);
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

const pairs = [
  { sentence1: '猫在睡觉', sentence2: '一只猫睡着了', label: 5 },
  { sentence1: '猫在睡觉', sentence2: 'the dog sat', label: 3 },
  { sentence1: '物价上涨', sentence2: 'the dog sat', label: 1 },
  { sentence1: '物价上涨', sentence2: '<b>价格</b> & "涨"', label: 4 },
];
const data = join(folder, '任务<1>.jsonl');
writeFileSync(data, pairs.map((row) => `${JSON.stringify(row)}\n`).join(''));

const unit = (vector: Float32Array) => {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return vector.map((value) => value / length);
};

test('a hosted model is measured as its own vectors are, each text asked for once', async () => {
  const encode = async (texts: readonly string[]) => texts.map((text) => unit(vectorOf(text)));
  const expected = await evaluateTask('sts', { encode }, { test: pairs });
  const { code, stdout, stderr } = await uniem(
    ...['evaluate', '--provider', 'openai', '--model', 'text-embedding-3-large', '--data', data],
  );
  expect(stderr).toMatch(/^5 texts; \$0\.0000\d+ at \$0\.13 per million tokens \(https:.*\)\n$/);
  expect(code).toBe(0);
  const metrics = JSON.parse(stdout);
  expect(metrics.spearman).toBeCloseTo(expected.spearman as number, 6);
  expect(metrics.pearson).toBeCloseTo(expected.pearson as number, 6);
  const asked = server.received.flatMap(({ texts }) => texts);
  expect(asked.sort()).toEqual([...new Set(pairs.flatMap((row) => [row.sentence1, row.sentence2]))].sort());
});

test('flags without meaning are refused', async () => {
  const hosted = await uniem('evaluate', '--provider', 'openai', '--model', 'm', '--data', data, '--backend', 'cpu');
  expect(hosted.stderr).toBe('OptionError: --backend: does not apply with --provider\n  fix: leave the flag out\n');
  const local = await uniem('evaluate', '--model', tiny, '--data', data, '--dimensions', '8');
  expect(local.stderr).toBe('OptionError: --dimensions: needs --provider\n  fix: leave the flag out\n');
});

test('compares local and hosted models; one that fails has its line, and the others stay', {
  timeout: 120_000,
}, async () => {
  const flags = ['compare', '--data', data, '--output', 'table.html', '--max-retries', '0', '--backend', 'cpu'];
  const models = [tiny, 'openai:text-embedding-3-small', `compatible:bge-m3:567m@${server.origin}/nowhere`];
  const { code, stdout, stderr } = await uniem(...flags, ...models.flatMap((model) => ['--model', model]));
  expect(code).toBe(1);
  expect(stderr).toContain(
    'ProviderError: compatible bge-m3:567m: no path /nowhere/embeddings (HTTP 404); texts 0 to 2\n',
  );
  const [title, head, ...lines] = stdout.split('\n');
  expect(title).toBe('sts, 4 records, spearman');
  expect(head).toMatch(/^model +where +spearman +dimensions +texts\/s +price\/1M$/);
  expect(lines.find((line) => line.startsWith(tiny))).toMatch(/ local +-?\d+\.\d\d +32 +[\d.]+ +none$/);
  expect(lines.find((line) => line.startsWith('openai'))).toMatch(/ openai +-?\d+\.\d\d +8 +[\d.]+ +\$0\.02$/);
  expect(lines[2]).toMatch(/^compatible:.* failed +- +- +unknown$/); // the last line, whatever the others' quality
  const html = readFileSync(join(folder, 'table.html'), 'utf8');
  expect(html).toContain(`4 records of ${data.replace('<', '&lt;')}`);
  expect(html).toContain('<td class="number">$0.02</td>');
  expect(html).toContain('class="error">compatible bge-m3:567m: no path');
  for (const key of Object.values(KEYS)) expect(html).not.toContain(key);
  expect(html).not.toMatch(/(src|href)=|url\(|@import|<script/); // nothing to fetch, nothing to run
});

test('a key that is missing is told before anything is measured', async () => {
  const { code, stderr } = await uniem('compare', '--data', data, '--model', tiny, '--model', 'zhipu:embedding-3');
  expect([code, stderr]).toEqual([
    1,
    'ProviderError: zhipu embedding-3: ZHIPUAI_API_KEY is not set\n  fix: set ZHIPUAI_API_KEY in the environment or in .env\n',
  ]);
});

test('--model names a provider by its prefix alone', () => {
  expect(parseModel('openai:text-embedding-3-small')).toMatchObject({
    provider: 'openai',
    model: 'text-embedding-3-small',
  });
  expect(parseModel('compatible:bge-m3:567m@http://localhost:11434/v1')).toMatchObject({
    provider: 'compatible',
    model: 'bge-m3:567m',
    baseUrl: 'http://localhost:11434/v1',
  });
  expect(parseModel('owner/name@main')).toMatchObject({ provider: undefined, model: 'owner/name@main' });
  expect(parseModel('C:models')).toMatchObject({ provider: undefined, model: 'C:models' });
  expect(() => parseModel('openai:')).toThrow('--model: openai: has no model name\n  fix: give openai:<model>');
});

const made: Comparison = {
  data: '中文数据',
  task: 'sts',
  metric: 'spearman',
  records: 2,
  rows: [
    {
      model: '本地模型',
      where: 'local',
      metrics: { spearman: 0.5, pearson: 0.25 },
      dimensions: 512,
      textsPerSecond: 1234.5,
      price: 'none',
      tokens: undefined,
      error: undefined,
    },
    {
      model: 'zhipu:embedding-3',
      where: 'zhipu',
      metrics: { spearman: 0.75, pearson: -0.5 },
      dimensions: 2048,
      textsPerSecond: 9.5,
      price: '¥0.50',
      tokens: 10,
      error: undefined,
    },
  ],
};

test('the table is best first, and wide characters keep its columns', () => {
  expect(comparisonTable(made).split('\n')).toEqual([
    'sts, 2 records, spearman',
    'model              where  spearman  dimensions  texts/s  price/1M',
    'zhipu:embedding-3  zhipu     75.00        2048      9.5     ¥0.50',
    '本地模型           local     50.00         512     1235      none',
    expect.stringMatching(/^Prices are per million tokens, as read on 20\d\d-\d\d-\d\d\.$/),
    '',
  ]);
});

test('the page has the other measures in a table of their own', () => {
  const html = comparisonHtml(made);
  expect(html).toContain('<th scope="col" class="number">pearson</th>');
  expect(html.match(/<tr><th scope="row">[^<]*<\/th><td class="number">[-\d.]+<\/td><\/tr>/g)).toEqual([
    '<tr><th scope="row">zhipu:embedding-3</th><td class="number">-50.00</td></tr>',
    '<tr><th scope="row">本地模型</th><td class="number">25.00</td></tr>',
  ]);
});
