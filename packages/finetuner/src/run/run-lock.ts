/**
 * One run at a time in an output folder, among processes too. Each run puts a file of its own name beside the others
 * and holds the folder if it then is the only one that lives: of two, the later always sees the earlier. A killed
 * process leaves a file that counts for nothing, and that anyone may remove, as its name is never used again.
 */

import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { OptionError } from '@uniem/core';

import { isProcessAlive, machineName, processBegin } from './process-begin.ts';

/** How often a run says that it lives, and after how long of silence one of another machine is gone. ms */
const HEARTBEAT = 10_000;
const SILENCE = 120_000;

const NAME = /^\.run-[\da-f-]+\.lock$/;

/** Whether a file of an output folder is of this kind. */
export const isLockFile = (name: string): boolean => name.startsWith('.run-') && name.includes('.lock');

interface Holder {
  pid: number;
  /** What `processBegin` says of it; '' where the system does not tell. */
  began: string;
  machine: string;
  /** When the run began, ISO 8601. */
  since: string;
  /** Whether it has seen that it is alone. */
  holds: boolean;
}

/**
 * Takes the folder for a run, and returns what gives it free.
 *
 * @throws OptionError naming the process that has it, and since when.
 */
export async function lockFolder(folder: string): Promise<() => void> {
  const path = join(folder, `.run-${randomUUID()}.lock`);
  const since = new Date().toISOString();
  const own = { pid: process.pid, began: processBegin(process.pid) ?? '', machine: machineName(), since };
  const write = (holds: boolean) => {
    writeFileSync(`${path}.partial`, JSON.stringify({ ...own, holds } satisfies Holder));
    renameSync(`${path}.partial`, path);
  };
  try {
    for (;;) {
      write(false);
      const other = livingHolder(folder, path);
      if (!other) break;
      rmSync(path, { force: true });
      if (other.holds) throw held(folder, other);
      await wait(5 + 45 * Math.random()); // both came at once: who waits less is alone
    }
    write(true);
  } catch (error) {
    for (const file of [path, `${path}.partial`]) rmSync(file, { force: true });
    throw error;
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    try {
      utimesSync(path, now, now);
    } catch {
      // A disk that is away, or a folder that somebody removed: what the run writes next will say so.
    }
  }, HEARTBEAT);
  heartbeat.unref();
  return () => {
    clearInterval(heartbeat);
    rmSync(path, { force: true });
  };
}

/** @throws OptionError where a run has the folder: to be asked before the work that comes before it is taken. */
export function refuseHeldFolder(folder: string): void {
  const holder = livingHolder(folder);
  if (holder?.holds) throw held(folder, holder);
}

function held(folder: string, { pid, machine, since }: Holder): OptionError {
  const isHere = machine === machineName();
  const who =
    isHere && pid === process.pid ? 'this process' : `process ${pid}${isHere ? '' : ` of ${machine.split(' ')[0]}`}`;
  return new OptionError(
    `${who} has been running into this folder since ${since}`,
    `outputDir ${folder}`,
    'give another folder, or wait until that run has ended',
  );
}

/** The run that has the folder, or else one that is about to take it; files of the dead are removed. */
function livingHolder(folder: string, own?: string): Holder | undefined {
  const living: Holder[] = [];
  for (const name of namesIn(folder)) {
    const path = join(folder, name);
    const holder = path === own ? undefined : read(path);
    if (!holder) continue;
    if (isAlive(holder, path)) living.push(holder);
    else rmSync(path, { force: true });
  }
  return living.find(({ holds }) => holds) ?? living[0];
}

function namesIn(folder: string): string[] {
  try {
    const names = readdirSync(folder);
    for (const name of names) {
      // Half written by a process that was killed: a living one is done with it in no time.
      if (isLockFile(name) && !NAME.test(name) && isSilent(join(folder, name)))
        rmSync(join(folder, name), { force: true });
    }
    return names.filter((name) => NAME.test(name));
  } catch {
    return []; // no such folder yet
  }
}

/** Undefined where its run has just given the folder free. */
function read(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}

function isAlive({ pid, began, machine }: Holder, path: string): boolean {
  if (machine === machineName()) return isProcessAlive(pid, began);
  return !isSilent(path);
}

function isSilent(path: string): boolean {
  const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: 0 };
  return Date.now() - mtimeMs >= SILENCE;
}
