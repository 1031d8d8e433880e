/** Where a command writes, and how much it holds. */

import { existsSync } from 'node:fs';
import { dirname } from 'node:path';

import { OptionError } from '@uniem/core';
import { z } from 'zod';

/** @throws OptionError where the folder of an output file is not there; to be asked before the work, not after it. */
export function requireFolderOf(path: string): void {
  if (existsSync(dirname(path))) return;
  throw new OptionError('no such folder', dirname(path), 'make it, or choose another path for the output');
}

/** Bytes of it are what the API's `memory` is. */
export const memoryFlag = z
  .int()
  .min(16)
  .default(1024)
  .describe('MiB of vectors and scores held at once; vectors beyond it lie in a temporary file');
