/** The built command as a user runs it. */

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, test } from 'vitest';

import { minilmFolder } from '../../../examples/minilm.ts';
import { writeVectors } from './files.ts';

const fixtures = fileURLToPath(new URL('../../../fixtures/', import.meta.url));
const command = fileURLToPath(new URL('../bin/uniem.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-cli-'));

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

function uniem(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [command, ...args], (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

describe('uniem finetune', () => {
  // curve.json: fixtures/minilm/generate.py, MultipleNegativesRankingLoss, scale 20, constant lr, AdamW.
  test("repeats sentence-transformers' loss curve on MiniLM", { timeout: 300_000 }, async () => {
    const output = join(folder, 'curve');
    const { code, stdout, stderr } = await uniem(
      ...['finetune', '--model', minilmFolder(), '--data', join(fixtures, 'minilm', 'pairs.jsonl.gz')],
      ...['--output-dir', output, '--epochs', '1', '--batch-size', '64', '--lr', '5e-5', '--max-length', '128'],
      ...['--dropout', '0', '--no-shuffle', '--precision', 'fp32', '--log-interval', '1'],
    );
    expect(stderr).toBe('model type sentence_transformers, record type pair\n');
    expect([code, stdout]).toEqual([0, `${join(output, 'model')}\n`]);
    const lines = readFileSync(join(output, 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const actual: number[] = lines.filter((line) => 'step' in line).map(({ loss }) => loss);
    const expected: number[] = JSON.parse(readFileSync(join(fixtures, 'minilm', 'curve.json'), 'utf8')).losses;
    expect(actual).toHaveLength(40);
    actual.forEach((loss, i) => {
      expect(Math.abs(loss - (expected[i] as number)), `step ${i + 1}`).toBeLessThan(0.01);
    });
  });

  test('an option out of range exits with 2 and names the flag', async () => {
    const outcome = await uniem('finetune', '--model', 'm', '--data', 'd', '--batch-size', '0');
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain('UsageError: --batch-size: Too small: expected number to be >0 (received 0)');
  });

  test('a dataset that is not there exits with 1', async () => {
    const outcome = await uniem('finetune', '--model', minilmFolder(), '--data', '/none.jsonl');
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain('DataError: /none.jsonl: no such file or folder\n  fix: ');
  });
});

test("uniem encode gives sentence-transformers' vectors", async () => {
  const input = join(folder, 'texts.jsonl');
  const output = join(folder, 'vectors.jsonl');
  const expected: number[][] = JSON.parse(readFileSync(join(fixtures, 'minilm', 'vectors.json'), 'utf8'));
  const texts = JSON.parse(readFileSync(join(fixtures, 'minilm', 'texts.json'), 'utf8')) as string[];
  writeFileSync(input, texts.map((text) => JSON.stringify({ text })).join('\n'));
  expect(await uniem('encode', '--model', minilmFolder(), '--input', input, '--output', output)).toMatchObject({
    code: 0,
  });
  const vectors = readFileSync(output, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).embedding as number[]);
  expect(vectors).toHaveLength(expected.length);
  vectors.forEach((vector, i) => {
    const largest = Math.max(...vector.map((value, j) => Math.abs(value - (expected[i]?.[j] as number))));
    expect(largest, texts[i]).toBeLessThan(1e-5);
  });
});

test('an unknown flag exits with 2', async () => {
  const outcome = await uniem('encode', '--bogus');
  expect(outcome.code).toBe(2);
  expect(outcome.stderr).toBe("UsageError: uniem encode: Unknown option '--bogus'\n  fix: see `uniem encode --help`\n");
});

test('a missing model folder is named', async () => {
  const input = join(folder, 'one.txt');
  writeFileSync(input, 'a\n');
  const outcome = await uniem('encode', '--model', '/none', '--input', input, '--output', join(folder, 'x.npy'));
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toBe(
    'ModelError: /none: no such model folder\n  fix: give the folder that holds config.json\n',
  );
});

test('a missing input file is named', async () => {
  const outcome = await uniem('encode', '--model', 'm', '--input', '/none.txt', '--output', join(folder, 'x.npy'));
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toBe('DataError: /none.txt: no such file\n  fix: give a .txt or .jsonl file of texts\n');
});

// Format: numpy/lib/format.py, version 1.0.
test('.npy is float32 [N, H], row i for text i', () => {
  const path = join(folder, 'small.npy');
  writeVectors(path, [Float32Array.of(1, 2, 3), Float32Array.of(4, 5, 6)]);
  const bytes = readFileSync(path);
  const start = 10 + bytes.readUInt16LE(8);
  expect(bytes.subarray(0, 8).toString('latin1')).toBe('\x93NUMPY\x01\x00');
  expect(start % 64).toBe(0);
  expect(bytes.subarray(10, start).toString('latin1').trim()).toBe(
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
  );
  expect([0, 1, 2, 3, 4, 5].map((i) => bytes.readFloatLE(start + 4 * i))).toEqual([1, 2, 3, 4, 5, 6]);
});
