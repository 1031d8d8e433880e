/** What files of a model may not be: deep, huge, folders, or full of names without an end. */

import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, test } from 'vitest';

import { ModelError } from '../errors.ts';
import { readJson, readText } from './files.ts';
import { openPytorch } from './pytorch.ts';
import { openSafetensors } from './safetensors.ts';

const folder = mkdtempSync(join(tmpdir(), 'uniem-files-'));
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  ['list', '['.repeat(100_000) + ']'.repeat(100_000)],
  ['object', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
])('a deep %s is refused before anything prints it', (_, text) => {
  const path = join(folder, 'deep.json');
  writeFileSync(path, `{"hidden_size":${text}}`);
  expect(() => readJson(path)).toThrow(`${path}: not JSON (more than 100 levels)\n  fix: download the model again`);
});

test('a file far larger than any vocabulary is refused unread', () => {
  const path = join(folder, 'vocab.txt');
  writeFileSync(path, '[UNK]\n');
  truncateSync(path, 3e9); // a hole: no disk is used
  expect(() => readText(path)).toThrow(`${path}: 3000000000 bytes, where 64000000 are read\n  fix: download`);
});

test.each([
  ['model.safetensors', openSafetensors],
  ['pytorch_model.bin', openPytorch],
])('a folder called %s is no file', (name, open) => {
  const path = join(folder, name);
  mkdirSync(path);
  expect(() => open(path)).toThrow(`${path}: is no file\n  fix: give a folder that holds a file of this name`);
});

test('a message has the beginning of a name without an end', () => {
  const { message } = new ModelError(`tensor ${'x'.repeat(1e6)} is missing`, 'y'.repeat(1e6), 'download it');
  expect(message).toMatch(/^y{500}…: tensor x{493}…\n {2}fix: download it$/);
});
