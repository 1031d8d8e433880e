/** One run an output folder, among real processes, some of which are killed. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeEach, expect, test } from 'vitest';

import { isProcessAlive, machineName, processBegin } from './process-begin.ts';
import { isLockFile, lockFolder, refuseHeldFolder } from './run-lock.ts';

const root = mkdtempSync(join(tmpdir(), 'uniem-lock-'));
const built = fileURLToPath(new URL('../../dist/run/run-lock.js', import.meta.url));
afterAll(() => rmSync(root, { recursive: true }));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(root, 'run-'));
});

const program = `
  import { lockFolder } from ${JSON.stringify(built)};
  const [folder, ms] = process.argv.slice(1);
  try {
    const release = await lockFolder(folder);
    console.log('has');
    setTimeout(() => (release(), console.log('gave')), Number(ms));
  } catch (error) {
    console.log(error.message);
  }`;

/** A process that takes the folder for so long, and the lines it prints. */
function contender(ms: number) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, folder, String(ms)]);
  const lines: string[] = [];
  child.stdout.on('data', (data: Buffer) => lines.push(...data.toString().trim().split('\n')));
  return { child, lines };
}

async function said(lines: readonly string[], count = 1): Promise<void> {
  while (lines.length < count) await new Promise((done) => setTimeout(done, 10));
}

async function killed(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

const since = String.raw`\d{4}-\d\d-\d\dT[\d:.]+Z`;

test('the second of one process, and of another, is told who has the folder and since when', async () => {
  const { child, lines } = contender(60_000);
  await said(lines);
  const byOther = new RegExp(
    `^outputDir ${folder}: process ${child.pid} has been running into this folder since ${since}\n` +
      '  fix: give another folder, or wait until that run has ended$',
  );
  await expect(lockFolder(folder)).rejects.toThrow(byOther);
  expect(() => refuseHeldFolder(folder)).toThrow(byOther);
  await killed(child);
  refuseHeldFolder(folder); // a killed process leaves nothing that counts
  const release = await lockFolder(folder);
  const own = new RegExp(`^outputDir ${folder}: this process has been running into this folder since ${since}\n`);
  await expect(lockFolder(folder)).rejects.toThrow(own);
  release();
  expect(readdirSync(folder)).toEqual([]);
  (await lockFolder(folder))();
});

test('of many processes that find the lock of a killed one at once, one has the folder', async () => {
  const first = contender(60_000);
  await said(first.lines);
  await killed(first.child);
  const others = Array.from({ length: 6 }, () => contender(1500));
  await Promise.all(others.map(({ child }) => once(child, 'close')));
  const outcomes = others.map(({ lines }) => lines[0] as string);
  const winners = outcomes.filter((line) => line === 'has').length;
  const refused = outcomes.filter((line) => line.includes('has been running into this folder since')).length;
  expect([winners + refused, winners >= 1]).toEqual([6, true]); // a late one may come after the first has given it free
  expect(readdirSync(folder)).toEqual([]);
});

test('no two of this process have it at once, however they come', async () => {
  let held = 0;
  let most = 0;
  const turn = async () => {
    const release = await lockFolder(folder).catch(() => undefined);
    if (!release) return 0;
    most = Math.max(most, ++held);
    await new Promise((done) => setTimeout(done, 20));
    held -= 1;
    release();
    return 1;
  };
  const done = await Promise.all(Array.from({ length: 8 }, turn));
  expect(most).toBe(1);
  expect(done.reduce((sum: number, one) => sum + one, 0)).toBeGreaterThanOrEqual(1);
});

test('a process whose id another has got since is gone; one of another machine is gone after its silence', async () => {
  const path = join(folder, '.run-00000000-0000-4000-8000-000000000000.lock');
  const holder = { pid: process.pid, began: 'long ago', machine: machineName(), since: 'then', holds: true };
  writeFileSync(path, JSON.stringify(holder));
  (await lockFolder(folder))();
  expect(readdirSync(folder)).toEqual([]);
  writeFileSync(path, JSON.stringify({ ...holder, pid: 4711, machine: 'elsewhere pid:[1]' }));
  await expect(lockFolder(folder)).rejects.toThrow(
    'process 4711 of elsewhere has been running into this folder since then',
  );
  const before = new Date(Date.now() - 300_000);
  const half = `${path}.partial`;
  writeFileSync(half, '{');
  for (const file of [path, half]) utimesSync(file, before, before);
  (await lockFolder(folder))();
  expect(readdirSync(folder)).toEqual([]);
});

test('a file that is no lock stays, and a lock is told by its name', () => {
  mkdirSync(join(folder, 'model'));
  refuseHeldFolder(folder);
  expect(readdirSync(folder)).toEqual(['model']);
  expect(['.run-0a.lock', '.run-0a.lock.partial', 'run.json', 'metrics.jsonl'].map(isLockFile)).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test('a process is told by its id and when it began', async () => {
  const began = processBegin(process.pid) as string;
  expect(processBegin(process.pid)).toBe(began);
  expect(isProcessAlive(process.pid, began)).toBe(true);
  expect(isProcessAlive(process.pid, `${began}0`)).toBe(false);
  const { child, lines } = contender(60_000);
  await said(lines);
  const childBegan = processBegin(child.pid as number) as string;
  expect(isProcessAlive(child.pid as number, childBegan)).toBe(true);
  await killed(child);
  expect(isProcessAlive(child.pid as number, childBegan)).toBe(false);
});
