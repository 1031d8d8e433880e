/** `uniem export`, and `uniem finetune --export`. */

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { afterAll, expect, test } from 'vitest';

const command = fileURLToPath(new URL('../bin/uniem.js', import.meta.url));
const tiny = fileURLToPath(new URL('../../../fixtures/tiny-bert/model/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-export-command-'));
afterAll(() => rmSync(folder, { recursive: true }));

const uniem = (...args: string[]) => promisify(execFile)(process.execPath, [command, ...args]);

test('says what it wrote, how near its vectors are, and where', { timeout: 60_000 }, async () => {
  const output = join(folder, 'onnx');
  const { stdout, stderr } = await uniem('export', '--model', tiny, '--format', 'onnx', '--output', output);
  expect(stdout).toBe(`${output}\n`);
  expect(stderr).toMatch(
    /^onnx\/model\.onnx +\d\.\d MB {2}least cosine (1\.0|0\.9999)\d+\nonnx\/model_quantized\.onnx +\d\.\d MB {2}least cosine 0\.9\d+\n$/,
  );
  expect(readdirSync(join(output, 'onnx')).sort()).toEqual(['model.onnx', 'model_quantized.onnx']);
  expect(existsSync(join(output, 'tokenizer.json'))).toBe(true); // the model has vocab.txt alone
});

test('an unknown format is wrong usage', async () => {
  const args = ['export', '--model', tiny, '--output', join(folder, 'none'), '--format'];
  await expect(uniem(...args, 'coreml')).rejects.toMatchObject({
    code: 2,
    stderr:
      'UsageError: --format: Invalid option: expected one of "onnx"|"tfjs"|"saved-model"|"sentence-transformers"|"transformers" (received coreml)\n  fix: see `uniem export --help`\n',
  });
  await expect(uniem(...args.slice(0, -1))).rejects.toMatchObject({ code: 2 });
  expect(existsSync(join(folder, 'none'))).toBe(false);
});

test('a killed export leaves no folder', async () => {
  const output = join(folder, 'killed', 'out');
  const running = execFile(process.execPath, [
    command,
    'export',
    '--model',
    tiny,
    '--format',
    'onnx',
    '--output',
    output,
  ]);
  const ended = new Promise((resolve) => running.once('exit', resolve));
  const parent = join(folder, 'killed');
  while (!existsSync(parent) || readdirSync(parent).length === 0) await new Promise((next) => setTimeout(next, 5));
  running.kill('SIGKILL');
  await ended;
  expect(readdirSync(parent).filter((name) => !name.startsWith('.'))).toEqual([]);
});

test('finetune --export writes the trained model', { timeout: 60_000 }, async () => {
  const data = join(folder, 'data.jsonl');
  const words = ['cat', 'dog', 'tree', 'house'];
  const rows = words.map((word, i) => ({ text: `the ${word}`, text_pos: `${words[(i + 1) % 4]} ${word}` }));
  writeFileSync(data, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const output = join(folder, 'run');
  const flags = ['--epochs', '1', '--batch-size', '4', '--output-dir', output, '--export', 'onnx'];
  const { stdout, stderr } = await uniem('finetune', '--model', tiny, '--data', data, ...flags);
  expect(stderr).toMatch(/onnx\/model\.onnx .* least cosine /);
  expect(stdout).toBe(`${join(output, 'onnx')}\n${join(output, 'model')}\n`);
  expect(readdirSync(join(output, 'onnx', 'onnx')).sort()).toEqual(['model.onnx', 'model_quantized.onnx']);
});
