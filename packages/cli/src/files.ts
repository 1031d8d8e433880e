/** Where a command writes. */

import { existsSync } from 'node:fs';
import { dirname } from 'node:path';

import { OptionError } from '@uniem/core';

/** @throws OptionError where the folder of an output file is not there; to be asked before the work, not after it. */
export function requireFolderOf(path: string): void {
  if (existsSync(dirname(path))) return;
  throw new OptionError('no such folder', dirname(path), 'make it, or choose another path for the output');
}
