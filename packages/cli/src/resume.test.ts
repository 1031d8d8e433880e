/** Runs that are killed and go on: the weights and metrics of a run that was left alone, bit for bit. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, expect, test } from 'vitest';

const command = fileURLToPath(new URL('../bin/uniem.js', import.meta.url));
const tiny = fileURLToPath(new URL('../../../fixtures/tiny-bert/model/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-resume-'));
const data = join(folder, 'data.jsonl');

/** How often a run is killed; 30 in a longer check: UNIEM_TEST_KILLS=30. */
const KILLS = Number(process.env.UNIEM_TEST_KILLS ?? 4);

const rows = Array.from({ length: 50 }, (_, i) => ({ text: `cat ${i}`, text_pos: `the cat sat on mat ${i}` }));
const flags = [
  ...['--epochs', '6', '--batch-size', '4', '--gradient-accumulation-steps', '2', '--dropout', '0.1', '--shuffle'],
  ...['--test-size', '6', '--lr', '1e-3', '--warmup-steps', '5', '--log-interval', '1', '--save-steps', '1'],
  ...['--num-max-checkpoints', '2', '--keep-best', '--eval-steps', '4'],
];

function start(output: string, ...more: string[]): ChildProcess {
  const args = [command, 'finetune', '--model', tiny, '--data', data, '--output-dir', output, ...flags, ...more];
  return spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

async function end(child: ChildProcess): Promise<{ code: number | null; stderr: string }> {
  let stderr = '';
  child.stderr?.on('data', (text) => {
    stderr += text;
  });
  const [code] = await once(child, 'exit');
  return { code, stderr };
}

const weights = (output: string) => readFileSync(join(output, 'model', 'model.safetensors'));
const metrics = (output: string) =>
  readFileSync(join(output, 'metrics.jsonl'), 'utf8').replaceAll(/,"recordsPerSecond":[\d.]+/g, '');

const unbroken = join(folder, 'unbroken');
let milliseconds: number;

beforeAll(async () => {
  writeFileSync(data, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const begin = performance.now();
  expect(await end(start(unbroken))).toMatchObject({ code: 0 });
  milliseconds = performance.now() - begin;
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

test(`a run killed ${KILLS} times, also inside a save`, { timeout: 60_000 + KILLS * 30_000 }, async () => {
  const output = join(folder, 'killed');
  let seed = 7;
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
  for (let kill = 0; kill < KILLS; kill++) {
    const child = start(output, '--resume');
    const ended = end(child);
    await setTimeout(milliseconds * (0.4 + 0.5 * random()));
    child.kill('SIGKILL');
    await ended;
  }
  const { code, stderr } = await end(start(output, '--resume'));
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/^going on after step \d+$/m);
  expect(metrics(output)).toBe(metrics(unbroken));
  expect(weights(output).equals(weights(unbroken))).toBe(true);
  expect(readdirSync(join(output, 'checkpoints')).sort()).toEqual(readdirSync(join(unbroken, 'checkpoints')).sort());
});

test('a run that was stopped by Ctrl-C', { timeout: 60_000 }, async () => {
  const output = join(folder, 'stopped');
  const child = start(output, '--save-steps', '1000');
  const ended = end(child);
  while (!existsSync(join(output, 'metrics.jsonl')) || metrics(output).length < 200) await setTimeout(20);
  child.kill('SIGINT');
  expect((await ended).code).toBe(0);
  expect((await end(start(output, '--save-steps', '1000', '--resume'))).code).toBe(0);
  expect(weights(output).equals(weights(unbroken))).toBe(true);
});

test('other options than the interrupted run’s are refused', { timeout: 60_000 }, async () => {
  const { code, stderr } = await end(start(unbroken, '--resume', '--lr', '2e-3'));
  expect(code).toBe(1);
  expect(stderr).toContain(
    'OptionError: resume: lr was 0.001 at step 36 and is 0.002 now\n' +
      '  fix: give the options of the interrupted run, or leave resume out to start anew\n',
  );
});
