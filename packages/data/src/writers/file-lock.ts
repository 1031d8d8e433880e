/** Two processes never write one file: a file beside it names the one at work. */

import { open, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';

import { DataError } from '../errors.ts';

const TRIES = 4;

/**
 * Takes the lock; that of a process of this machine that has ended is taken over.
 *
 * @param path The file to write, for the error.
 * @param lock Where the lock lies.
 * @returns Gives the lock back.
 * @throws DataError naming the process that holds it.
 */
export async function lockFile(path: string, lock: string): Promise<() => Promise<void>> {
  const unlock = () => rm(lock, { force: true });
  for (let tries = 1; ; tries++) {
    try {
      const file = await open(lock, 'wx');
      await file.writeFile(`${process.pid} ${hostname()}`);
      await file.close();
      return unlock;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST' || tries === TRIES) throw cause;
    }
    const [pid, host] = ((await readFile(lock, 'utf8').catch(ignoreMissing)) ?? '').split(' ');
    if (pid !== undefined && pid !== '' && (host !== hostname() || isAlive(Number(pid)))) {
      throw new DataError(
        `process ${pid} on ${host} is writing it`,
        path,
        `wait for it, choose another output, or delete ${lock} if that process is gone`,
      );
    }
    await unlock();
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

export function ignoreMissing(cause: unknown): undefined {
  if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  throw cause;
}
