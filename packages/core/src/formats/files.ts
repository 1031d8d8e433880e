/** Files read with good errors and written whole: beside the target first, then renamed. */

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { ModelError } from '../errors.ts';

/** Parses a JSON file; a missing or broken one is a ModelError naming it. */
export function readJson(path: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new ModelError('file not found or not readable', path, 'give a complete model folder', { cause });
  }
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw new ModelError(`not JSON (${(cause as Error).message})`, path, 'download the model again', { cause });
  }
}

/**
 * Makes a folder appear whole or not at all: `fill` writes into a sibling, which then takes the target's name.
 * An earlier folder stays until the new one is complete; a failed `fill` leaves it untouched.
 */
export function writeFolderWhole(target: string, fill: (folder: string) => void): void {
  const parent = dirname(target);
  const partial = join(parent, `.${basename(target)}.partial-${process.pid}`);
  const previous = join(parent, `.${basename(target)}.previous-${process.pid}`);
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  try {
    fill(partial);
  } catch (cause) {
    rmSync(partial, { recursive: true, force: true });
    throw new ModelError(
      `could not be saved (${(cause as Error).message})`,
      target,
      'free disk space or choose another folder; what was there before is unchanged',
      { cause },
    );
  }
  if (existsSync(target)) renameSync(target, previous);
  renameSync(partial, target);
  rmSync(previous, { recursive: true, force: true });
}
