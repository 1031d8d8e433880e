/** Cases in child processes, each watched: a case may take 5 s of a processor and 1 GB, and must end in a report. */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Begun, Report } from './child.ts';

const CHILD = fileURLToPath(new URL('./child.js', import.meta.url));
const SECONDS = 5; // of a processor, since others may be at work on the machine
const WAITED_SECONDS = 60; // by the clock: nothing else stops a case that waits for nothing
const MEMORY = 1024; // MiB, of the whole process
const WATCH_MS = 100;

export interface Summary {
  refused: number;
  opened: number;
  /** What went wrong, each with the command that does it again. */
  findings: string[];
  /** The longest case by the clock. */
  slowest: { number: number; seconds: number };
  /** The most memory, in MiB. */
  largest: number;
}

/** Runs the cases from 0 on, in as many processes. */
export async function runCases(target: string, seed: number, cases: number, processes = 2): Promise<Summary> {
  const summary: Summary = { refused: 0, opened: 0, findings: [], slowest: { number: 0, seconds: 0 }, largest: 0 };
  let next = 0;
  const take = () => (next < cases ? next++ : undefined);
  const folder = mkdtempSync(join(tmpdir(), 'uniem-fuzz-')); // a process that is killed leaves its files
  try {
    await Promise.all(Array.from({ length: processes }, () => work(target, seed, folder, take, summary)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return summary;
}

/** One process after the other: a case that went wrong ends its own, so that none behind it is blamed. */
async function work(
  target: string,
  seed: number,
  folder: string,
  take: () => number | undefined,
  summary: Summary,
): Promise<void> {
  let number = take();
  while (number !== undefined) {
    const child = fork(CHILD, [target, String(seed)], {
      env: { ...process.env, TMPDIR: folder, TEMP: folder },
      execArgv: ['--max-old-space-size=512'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const says = listen(child);
    const ready = await says();
    if (typeof ready === 'string') throw new Error(`the child did not start: ${ready}`);
    for (let problem: string | undefined; number !== undefined && problem === undefined; number = take()) {
      const begin = performance.now();
      child.send(number);
      const report = await says();
      const seconds = (performance.now() - begin) / 1000;
      if (seconds > summary.slowest.seconds) summary.slowest = { number, seconds };
      problem = typeof report === 'string' ? report : count(report, summary);
      if (problem !== undefined) {
        summary.findings.push(`node fuzz/dist/child.js ${target} ${seed} ${number}\n${problem}`);
      }
    }
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
}

/** What a child says next, or why it will say no more. */
function listen(child: ChildProcess): () => Promise<Report | string> {
  let stderr = '';
  child.stderr?.on('data', (text) => {
    stderr = `${stderr}${text}`.slice(-2000);
  });
  return () => {
    const begin = processorSeconds(child);
    return new Promise((resolve) => {
      let begun = '';
      const hear = (message: Report | Begun) => {
        if ('what' in message && !('result' in message)) begun = message.what;
        else settle(message as Report);
      };
      const settle = (result: Report | string) => {
        clearTimeout(clock);
        clearInterval(watch);
        child.off('message', hear);
        child.off('exit', exited);
        resolve(typeof result === 'string' ? `${begun}\n${result}` : result);
      };
      const exited = (code: number | null, signal: string | null) => settle(`ended with ${code ?? signal}: ${stderr}`);
      const clock = setTimeout(() => settle(`took ${WAITED_SECONDS} s`), WAITED_SECONDS * 1000);
      const watch = setInterval(() => {
        const seconds = processorSeconds(child) - begin;
        const memory = residentMemory(child);
        if (seconds > SECONDS) settle(`took more than ${SECONDS} s`);
        else if (memory > MEMORY) settle(`has ${memory.toFixed()} MiB`);
      }, WATCH_MS);
      child.on('message', hear);
      child.on('exit', exited);
    });
  };
}

/** The problem of a report. */
function count(report: Report, summary: Summary): string | undefined {
  summary[report.result] += 1;
  summary.largest = Math.max(summary.largest, report.memory);
  const problem = report.memory > MEMORY ? `had ${report.memory.toFixed()} MiB` : report.problem;
  return problem && `${report.what}\n${problem}`;
}

/** A line of Linux's /proc; elsewhere there is none, and only the clock and the report's memory are watched. */
function proc({ pid }: ChildProcess, name: string): string {
  const path = `/proc/${pid}/${name}`;
  try {
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  } catch {
    return ''; // it has just ended
  }
}

/** In seconds; ticks are 100 a second on every Linux. */
function processorSeconds(child: ChildProcess): number {
  const fields = proc(child, 'stat')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / 100;
}

/** In MiB; pages are 4 KiB at least. */
function residentMemory(child: ChildProcess): number {
  return Number(proc(child, 'statm').split(' ')[1] ?? 0) / 256;
}
