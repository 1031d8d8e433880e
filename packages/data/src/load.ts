/** A dataset by its path. */

import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { Dataset, type DatasetDict } from './dataset.ts';
import { DataError } from './errors.ts';
import { readJsonl } from './readers/jsonl.ts';

const EXTENSIONS = ['.jsonl', '.jsonl.gz'];
const SPLITS = ['train', 'validation', 'dev', 'test'] as const;

/** What a hub calls its datasets: `owner/name`. */
const HUB_ID = /^[\w-]+\/[\w-]+$/;

/** Which part of a dataset to load. */
export interface LoadOptions {
  /** A folder within the folder, as a configuration of a hub dataset. */
  name?: string;
  split?: string;
}

/**
 * Reads a .jsonl or .jsonl.gz file, or a folder of them named by split (train.jsonl, dev.jsonl …).
 *
 * A file on its own is the split 'train'.
 *
 * @throws DataError for a path that is not there, another kind of file, a missing split or an empty file.
 */
export async function loadDataset(path: string, options?: { name?: string }): Promise<Dataset | DatasetDict>;
export async function loadDataset(path: string, options: { name?: string; split: string }): Promise<Dataset>;
export async function loadDataset(path: string, options?: LoadOptions): Promise<Dataset | DatasetDict>;
export async function loadDataset(path: string, { name, split }: LoadOptions = {}): Promise<Dataset | DatasetDict> {
  if (!existsSync(path)) throw notThere(path);
  if (statSync(path).isDirectory()) {
    const folder = name === undefined ? path : join(path, name);
    if (!existsSync(folder)) throw new DataError(`no folder '${name}'`, path, 'leave name out, or name a folder in it');
    return loadFolder(folder, split);
  }
  if (name !== undefined) throw new DataError(`a file has no part '${name}'`, path, 'leave name out');
  if (split !== undefined && split !== 'train') {
    throw new DataError(
      `no split '${split}' (a file is train)`,
      path,
      `leave split out, or give a folder with ${split}.jsonl`,
    );
  }
  return loadFile(path);
}

function notThere(path: string): DataError {
  if (!HUB_ID.test(path))
    return new DataError('no such file or folder', path, 'give a .jsonl or .jsonl.gz file, or a folder');
  return new DataError(
    'no such folder, and datasets of the Hugging Face hub are not supported yet',
    path,
    'download it, save it as train.jsonl in a folder (Python: load_dataset(…)["train"].to_json("train.jsonl")), give that',
  );
}

async function loadFolder(path: string, split: string | undefined): Promise<Dataset | DatasetDict> {
  const files = SPLITS.flatMap((known) => {
    const file = EXTENSIONS.map((extension) => join(path, known + extension)).find(existsSync);
    return file ? [[known, file] as const] : [];
  });
  const wanted = files.find(([known]) => known === (split ?? 'train'));
  if (!wanted) {
    const names = files.map(([known]) => known).join(', ') || 'none';
    const missing = split ?? 'train';
    throw new DataError(
      `no split '${missing}' (there are: ${names})`,
      path,
      `add ${missing}.jsonl or name another split`,
    );
  }
  if (split !== undefined) return loadFile(wanted[1]);
  const loaded = await Promise.all(files.map(async ([known, file]) => [known, await loadFile(file)] as const));
  return Object.fromEntries(loaded) as DatasetDict;
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
