/** When a process of this machine began: with its id that names it for good, as an id alone is given again. */

import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** A machine, or one of its containers: process ids of another mean other processes. */
export function machineName(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname(); // no Linux
  }
}

/** Whether a process of this machine lives that began then. @param began What `processBegin` said of it. */
export function isProcessAlive(pid: number, began: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // another user's
  }
  const now = processBegin(pid);
  return now === undefined || now === began;
}

/** The same words whenever it is asked; undefined where the system does not tell, '' for a process that has ended. */
export function processBegin(pid: number): string | undefined {
  if (process.platform === 'linux') return linuxBegin(pid);
  const [command, args]: [string, string[]] =
    process.platform === 'win32'
      ? ['powershell', ['-NoProfile', '-Command', `(Get-Process -Id ${pid}).StartTime.ToFileTimeUtc()`]]
      : ['ps', ['-o', 'lstart=', '-p', String(pid)]];
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });
  return status === 0 ? stdout.trim() : undefined;
}

/** proc(5): the state and the clock ticks since boot at which it began; the name before them may hold anything. */
function linuxBegin(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(')').at(-1)?.trim().split(' ') ?? [];
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    return /[ZX]/.test(fields[0] ?? '') ? '' : `${boot} ${fields[19]}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? '' : undefined;
  }
}
