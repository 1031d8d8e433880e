/** What is published, installed as a user installs it. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

test('the packed packages, installed without install scripts, train on the native engine', { timeout: 300_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'uniem-pack-'));
  const tarballs = join(folder, 'tarballs');
  const project = join(folder, 'project');
  mkdirSync(project);
  execFileSync(process.execPath, [join(root, 'scripts', 'pack.mjs'), tarballs], { stdio: 'ignore' });
  writeFileSync(join(project, 'package.json'), '{"private": true}');
  const files = readdirSync(tarballs).map((name) => join(tarballs, name));
  execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...files], {
    cwd: project,
    stdio: 'ignore',
  });
  const rows = Array.from({ length: 8 }, (_, i) => `{"text": "cat ${i}", "text_pos": "a cat sat ${i}"}`);
  writeFileSync(join(project, 'pairs.jsonl'), rows.join('\n'));
  const model = join(root, 'fixtures', 'tiny-bert', 'model');
  const uniem = (...args: string[]) =>
    execFileSync(join(project, 'node_modules', '.bin', 'uniem'), args, {
      cwd: project,
      encoding: 'utf8',
      env: { ...process.env, UNIEM_CACHE: join(folder, 'empty-cache') },
    });
  expect(uniem('doctor')).toMatch(/engine native +ready in .*native-linux-x64-gnu/);
  const options = ['--backend', 'native', '--batch-size', '4', '--epochs', '2', '--log-interval', '1'];
  expect(uniem('finetune', '--model', model, '--data', 'pairs.jsonl', ...options)).toBe('finetuned-model/model\n');
  const lines = readFileSync(join(project, 'finetuned-model', 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n');
  expect(lines.filter((line) => line.includes('"step"'))).toHaveLength(4);
  expect(uniem('export', '--model', 'finetuned-model/model', '--format', 'tfjs', '--output', 'web')).toBe('web\n');
  const names = "console.log(Object.keys(await import('@uniem/browser')).join())";
  const node = ['--input-type=module', '--conditions=development', '-e', names]; // as Vite resolves packages
  expect(execFileSync(process.execPath, node, { cwd: project, encoding: 'utf8' })).toBe('TextEmbedder,cosine,load\n');
});
