/** A lock that processes of one machine, or of several on one disk, share: a file that only one can make. */

import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { checkCallback, checkPath } from './checks.ts';

/** The holder says that it lives this often; who has not for the second time span is gone. Both in ms. */
const HEARTBEAT = 2_000;
const GONE = 20_000;
const POLL = 50;

/** Runs `work` while no other process runs its own under the same lock. */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  checkPath(path);
  checkCallback(work, 'work');
  const mark = `${hostname()} ${process.pid} ${randomUUID()}`;
  await mkdir(dirname(path), { recursive: true });
  while (!(await acquire(path, mark))) {
    await breakIfGone(path);
    await wait(POLL);
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {}); // gone: the work's own hash check decides
  }, HEARTBEAT);
  heartbeat.unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    if ((await contentOf(path)) === mark) await rm(path, { force: true });
  }
}

async function acquire(path: string, mark: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(mark);
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function breakIfGone(path: string): Promise<void> {
  const mark = await contentOf(path);
  if (mark === undefined || !(await isGone(path, mark))) return;
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch {
    return; // another waiter was faster
  }
  // Between reading and renaming, another waiter may have broken the lock and taken it: give it back.
  if ((await contentOf(aside)) !== mark) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}

async function isGone(path: string, mark: string): Promise<boolean> {
  const [host, pid] = mark.split(' ');
  if (host === hostname() && pid !== undefined && mark.split(' ').length === 3 && !isAlive(Number(pid))) return true;
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
  return Date.now() - mtimeMs > GONE;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const contentOf = (path: string) => readFile(path, 'utf8').catch(() => undefined);
