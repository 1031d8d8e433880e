/** A folder that gets its name only when everything is in it, so that its existence says it is complete. */

import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/**
 * Builds a folder beside its place and renames it. Another process may do the same; the first to finish wins.
 *
 * @param target The folder's final place.
 * @param isComplete Whether what is at `target` can be used; what cannot be is replaced.
 * @param build Fills the folder it is given.
 */
export async function buildWhole(
  target: string,
  isComplete: () => boolean,
  build: (folder: string) => Promise<void>,
): Promise<void> {
  if (isComplete()) return;
  const root = dirname(target);
  mkdirSync(root, { recursive: true });
  removeAbandoned(root, basename(target));
  rmSync(target, { recursive: true, force: true }); // incomplete, so damaged: the rename below needs its place
  const partial = mkdtempSync(`${target}.partial-${process.pid}-`);
  try {
    await build(partial);
    renameSync(partial, target);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    if (!isComplete()) throw error; // another process may have finished first
  }
}

/** Removes what interrupted builds of the same engine left behind; one that still runs keeps its folder. */
function removeAbandoned(root: string, name: string): void {
  const engine = name.split('-')[0] as string;
  for (const entry of readdirSync(root)) {
    const [, pid] = /\.partial-(\d+)-/.exec(entry) ?? [];
    if (pid && entry.startsWith(`${engine}-`) && !isRunning(Number(pid))) {
      rmSync(join(root, entry), { recursive: true, force: true });
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
