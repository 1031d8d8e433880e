/** One run at a time on one output: a file beside it that names the process at work. */

import { readFileSync, rmSync, writeFileSync } from 'node:fs';

import { OptionError } from '@uniem/core';

/**
 * @returns Gives the lock back.
 * @throws OptionError where another process that lives holds it; that of a process that was killed is taken over.
 */
export function takeRunLock(path: string): () => void {
  for (;;) {
    try {
      writeFileSync(path, `${process.pid}\n`, { flag: 'wx' });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = holderOf(path);
    if (holder !== undefined && isAlive(holder)) {
      const fix = 'wait for it, or remove the file if that process is another program';
      throw new OptionError(`process ${holder} is writing this output`, path, fix);
    }
    rmSync(path, { force: true });
  }
}

function holderOf(path: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(path, 'utf8'), 10);
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined; // given back since
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
