/** The data files of a path on disk: a file, a pattern, a folder, or a folder that `datasets` saved. */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { NAME } from '@uniem/hub/arguments';
import { requireKind } from '../arguments.ts';
import { DataError } from '../errors.ts';
import { EXTENSIONS, extensionOf } from '../readers/formats.ts';
import type { ClassNames } from '../readers/reader.ts';
import {
  chooseConfig,
  configSplits,
  type DataFiles,
  readmeClassNames,
  readmeConfigs,
  type SplitFiles,
  splitsByName,
  splitsByPattern,
} from './data-files.ts';
import { isPattern, matcher, patternBase } from './glob.ts';

/** What no file system takes. */
const LONGEST_NAME = 256;

export interface LocalFiles {
  /** Paths of files, by split. */
  splits: SplitFiles;
  /** Whether there is one split without a name of its own. */
  alone: boolean;
}

/** @throws DataError for a path that is not there, another kind of file, or a folder whose files do not tell splits. */
export function localFiles(
  path: string,
  { name, dataFiles }: { name?: string | undefined; dataFiles?: DataFiles | undefined },
): LocalFiles {
  if (!existsSync(path)) return patternFiles(path);
  if (!statSync(path).isDirectory()) {
    if (name !== undefined) throw new DataError(`a file has no part '${name}'`, path, 'leave name out');
    return { splits: new Map([['train', [path]]]), alone: true };
  }
  const all = filesWithin(path);
  const inPath = (splits: SplitFiles, folder = path) =>
    new Map([...splits].map(([split, files]) => [split, files.map((file) => join(folder, file))]));
  if (dataFiles !== undefined) return { splits: inPath(splitsByPattern(all, dataFiles, path)), alone: false };

  const configs = existsSync(join(path, 'README.md'))
    ? readmeConfigs(readFileSync(join(path, 'README.md'), 'utf8'), path)
    : [];
  const config = configs.length > 0 ? chooseConfig(configs, name, path) : undefined;
  if (config) return { splits: inPath(configSplits(config, all, path)), alone: false };

  const folder = name === undefined ? path : partOf(path, name);
  const saved = savedFiles(folder);
  if (saved) return saved;
  const parts = partsOf(folder);
  if (name === undefined && parts.length > 0 && all.every((file) => file.split('/')[0]?.endsWith('.dataset'))) {
    throw new DataError(
      `holds several datasets: ${parts.join(', ')}`,
      folder,
      `give the name of one, as in { name: '${parts[0]}' }`,
    );
  }
  return { splits: inPath(splitsByName(filesWithin(folder), folder), folder), alone: false };
}

/** What a folder's README.md says of columns that hold the numbers of classes. */
export function localClassNames(path: string, name: string | undefined): ClassNames | undefined {
  const readme = join(path, 'README.md');
  return existsSync(readme) ? readmeClassNames(readFileSync(readme, 'utf8'), path, name) : undefined;
}

/** The names that loadDataset takes for a folder of tasks: its .dataset folders, as M3E has them. None of another path. */
export function partsOf(folder: string): string[] {
  requireKind(folder, NAME, 'folder');
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return [];
  return readdirSync(folder)
    .filter((entry) => entry.endsWith('.dataset'))
    .map((entry) => entry.slice(0, -'.dataset'.length))
    .sort();
}

function partOf(path: string, name: string): string {
  const folder = [join(path, name), join(path, `${name}.dataset`)].find(existsSync);
  if (folder !== undefined) return folder;
  throw new DataError(`no folder '${name}'`, path, 'leave name out, or name a folder in it');
}

function patternFiles(path: string): LocalFiles {
  if (!isPattern(path)) {
    throw new DataError(
      'no such file or folder',
      path,
      `give a ${EXTENSIONS.join(', ')} file, a folder, or org/name of the hub`,
    );
  }
  const base = patternBase(path);
  const matches = matcher(path.replace(/^\.\//, ''));
  const files = existsSync(base)
    ? filesWithin(base)
        .map((file) => join(base, file).split(sep).join('/'))
        .filter(matches)
    : [];
  const known = files.filter((file) => extensionOf(file));
  if (known.length === 0) throw new DataError('no data file matches', path, `match files of ${EXTENSIONS.join(', ')}`);
  return { splits: new Map([['train', known]]), alone: true };
}

/** All files in a folder and its folders, with / between, in order; hidden ones left out. */
function filesWithin(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((file) => !file.split('/').some((part) => part.startsWith('.')))
    .sort();
}

/** What Dataset.save_to_disk and DatasetDict.save_to_disk write; undefined for another folder. */
function savedFiles(folder: string): LocalFiles | undefined {
  const dict = join(folder, 'dataset_dict.json');
  if (existsSync(dict)) {
    const { splits } = savedJson(dict);
    if (!Array.isArray(splits)) throw new DataError('names no splits', dict, 'save the dataset again');
    const names = splits.map((split) => nameWithin(split, dict));
    return { splits: new Map(names.map((split) => [split, savedPart(join(folder, split))])), alone: false };
  }
  if (!existsSync(join(folder, 'state.json'))) return undefined;
  return { splits: new Map([['train', savedPart(folder)]]), alone: true };
}

function savedPart(folder: string): string[] {
  const state = join(folder, 'state.json');
  if (!existsSync(state)) throw new DataError('no state.json', folder, 'save the dataset again');
  const { _data_files: files } = savedJson(state);
  if (!Array.isArray(files)) throw new DataError('names no files', state, 'save the dataset again');
  return files.map((file: { filename?: unknown } | null) => join(folder, nameWithin(file?.filename, state)));
}

/** The name of a file or folder beside the one that names it. */
function nameWithin(name: unknown, path: string): string {
  if (typeof name === 'string' && !/^\.*$|[/\\\0]/.test(name) && name.length < LONGEST_NAME) return name;
  const shown = typeof name === 'string' ? `'${name.slice(0, 100)}'` : typeof name;
  throw new DataError(`names ${shown}, which is no name of a file beside it`, path, 'save the dataset again');
}

function savedJson(path: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new DataError(`not JSON (${(cause as Error).message})`, path, 'save the dataset again', { cause });
  }
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw new DataError('does not hold a JSON object', path, 'save the dataset again');
}
