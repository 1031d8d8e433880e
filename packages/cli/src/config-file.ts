/** Options from a YAML or JSON file, by the names that flags have in camelCase. */

import { readFileSync } from 'node:fs';

import { parse } from 'yaml';

import { UsageError } from './usage-error.ts';

/** @throws UsageError for a file that cannot be read, or holds anything but options. */
export function readConfigFile(path: string): Record<string, unknown> {
  let content: unknown;
  try {
    content = parse(readFileSync(path, 'utf8')); // every JSON file is YAML
  } catch (cause) {
    const [what] = (cause as Error).message.split('\n');
    throw new UsageError(`cannot be read (${what})`, path, 'give a YAML or JSON file of options', { cause });
  }
  if (typeof content === 'object' && content !== null && !Array.isArray(content)) {
    return content as Record<string, unknown>;
  }
  throw new UsageError('holds no options', path, 'write one a line, as batchSize: 64');
}
