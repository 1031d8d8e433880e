/** The folder a run writes into: never one that holds something else. */

import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { OptionError, refuseForeignFolder } from '@uniem/core';

import { isLockFile } from './run-lock.ts';
import { WEIGHTS_BEFORE } from './weights-before.ts';

/** @throws OptionError for a path that holds something other than an earlier run, or cannot be made. */
export function prepareOutput(outputDir: string): void {
  try {
    mkdirSync(outputDir, { recursive: true });
  } catch (cause) {
    throw new OptionError(`cannot be made (${(cause as Error).message})`, outputDir, 'give another folder', { cause });
  }
  const entries = readdirSync(outputDir).filter((name) => !isLockFile(name) && name !== WEIGHTS_BEFORE);
  if (entries.length > 0 && !entries.includes('metrics.jsonl') && !entries.includes('model')) {
    throw new OptionError(
      `the folder holds something else (${entries.slice(0, 3).join(', ')})`,
      `outputDir ${outputDir}`,
      'give a new folder, or one of an earlier run',
    );
  }
  refuseForeignFolder(join(outputDir, 'model')); // before training, not after it
}
