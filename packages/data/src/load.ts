/** A dataset by its path. */

import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { Dataset, type DatasetDict } from './dataset.ts';
import { DataError } from './errors.ts';
import { readJsonl } from './readers/jsonl.ts';

const EXTENSIONS = ['.jsonl', '.jsonl.gz'];
const SPLITS = ['train', 'validation', 'dev', 'test'] as const;

/**
 * Reads a .jsonl or .jsonl.gz file, or a folder of them named by split (train.jsonl, dev.jsonl …).
 *
 * @throws DataError for a path that is not there, another kind of file, a missing split or an empty file.
 */
export async function loadDataset(path: string): Promise<Dataset | DatasetDict>;
export async function loadDataset(path: string, options: { split: string }): Promise<Dataset>;
export async function loadDataset(path: string, options: { split?: string } = {}): Promise<Dataset | DatasetDict> {
  if (!existsSync(path)) {
    throw new DataError('no such file or folder', path, 'give a .jsonl file; datasets of a hub are not read yet');
  }
  if (!statSync(path).isDirectory()) return loadFile(path);
  const files = SPLITS.flatMap((split) => {
    const file = EXTENSIONS.map((extension) => join(path, split + extension)).find(existsSync);
    return file ? [[split, file] as const] : [];
  });
  const names = files.map(([split]) => split).join(', ') || 'none';
  const wanted = options.split ?? 'train';
  if (!files.some(([split]) => split === wanted)) {
    throw new DataError(
      `no split '${wanted}' (there are: ${names})`,
      path,
      `add ${wanted}.jsonl or name another split`,
    );
  }
  const chosen = files.filter(([split]) => options.split === undefined || split === options.split);
  const splits = Object.fromEntries(
    await Promise.all(chosen.map(async ([split, file]) => [split, await loadFile(file)] as const)),
  ) as DatasetDict;
  return options.split === undefined ? splits : (splits[wanted as keyof DatasetDict] as Dataset);
}

async function loadFile(path: string): Promise<Dataset> {
  if (!EXTENSIONS.some((extension) => path.endsWith(extension))) {
    throw new DataError('not a kind of file that is read', path, `give one of ${EXTENSIONS.join(', ')}`);
  }
  const rows = [];
  for await (const row of readJsonl(path)) rows.push(row);
  if (rows.length === 0) throw new DataError('holds no records', path, 'give at least one JSON object a line');
  return Dataset.fromRows(rows);
}
