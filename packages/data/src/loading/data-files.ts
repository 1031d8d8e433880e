/** Which files of a folder or repository are which split. */

import { parse } from 'yaml';

import { DataError } from '../errors.ts';
import { extensionOf } from '../readers/formats.ts';
import type { ClassNames } from '../readers/reader.ts';
import { matcher } from './glob.ts';

/** Paths, by split. */
export type SplitFiles = Map<string, string[]>;

/** Names or patterns of files: of the split train, or by split. */
export type DataFiles = string | readonly string[] | Readonly<Record<string, string | readonly string[]>>;

/** The words that `datasets` finds splits by; dev is kept apart from validation, as uniem does. */
const KEYWORDS: Readonly<Record<string, string>> = {
  train: 'train',
  training: 'train',
  validation: 'validation',
  valid: 'validation',
  val: 'validation',
  dev: 'dev',
  test: 'test',
  testing: 'test',
  eval: 'test',
  evaluation: 'test',
};
const ORDER = ['train', 'validation', 'dev', 'test'];
/** Files about a dataset, not of it. */
const ABOUT = new Set(['dataset_infos.json', 'dataset_info.json', 'dataset_dict.json', 'state.json']);

const nameOf = (path: string) => path.split('/').at(-1) as string;
const depthOf = (path: string) => path.split('/').length;

export function isDataFile(path: string): boolean {
  return (
    ![undefined, '.txt'].includes(extensionOf(path)) &&
    !ABOUT.has(nameOf(path)) &&
    !path.split('/').some((part) => part.startsWith('.'))
  );
}

/** Beside files of another kind, a .txt file is about them; alone, it may be the data. */
function isTextList(path: string): boolean {
  return extensionOf(path) === '.txt' && !/readme|licen[cs]e|requirements|notice/i.test(nameOf(path));
}

/**
 * The splits that the files' names tell, or their folders': train.jsonl, data/test-00000-of-00002.parquet, dev/a.csv.
 *
 * Files beside the others at the top that name a split are all there is; where no file names one, all are train.
 *
 * @throws DataError where a split would be of several kinds of files.
 */
export function splitsByName(paths: readonly string[], where: string): SplitFiles {
  const known = paths.filter(isDataFile);
  const files = known.length > 0 ? known : paths.filter(isTextList);
  const atTop = files.filter((path) => depthOf(path) === 1 && keywordOf(path) !== undefined);
  const named = (atTop.length > 0 ? atTop : files).filter((path) => splitOf(path) !== undefined);
  const top = Math.min(...files.map(depthOf));
  const chosen = named.length > 0 ? named : files.filter((path) => depthOf(path) === top);
  const splits: SplitFiles = new Map();
  for (const path of chosen) append(splits, splitOf(path) ?? 'train', path);
  for (const [split, found] of splits) checkKinds(split, found, where);
  return ordered(splits);
}

function splitOf(path: string): string | undefined {
  const parts = path.split('/').reverse();
  for (const part of parts) {
    const split = keywordOf(part);
    if (split !== undefined) return split;
  }
  return undefined;
}

function keywordOf(name: string): string | undefined {
  const words = name.toLowerCase().split(/[^a-z]+/);
  return words.map((word) => KEYWORDS[word]).find((split) => split !== undefined);
}

/** @throws DataError where a pattern matches no file. */
export function splitsByPattern(paths: readonly string[], dataFiles: DataFiles, where: string): SplitFiles {
  const bySplit = typeof dataFiles === 'string' || Array.isArray(dataFiles) ? { train: dataFiles } : dataFiles;
  const splits: SplitFiles = new Map();
  for (const [split, given] of Object.entries(bySplit as Record<string, string | readonly string[]>)) {
    for (const pattern of typeof given === 'string' ? [given] : given) {
      const matches = paths.filter(matcher(pattern.replace(/^\.\//, '')));
      if (matches.length === 0) {
        const some = paths.filter(isDataFile).slice(0, 10).join(', ') || 'none';
        throw new DataError(`no file matches '${pattern}' (data files: ${some})`, where, 'correct dataFiles');
      }
      for (const path of matches) append(splits, split, path);
    }
  }
  return splits;
}

/** A configuration that a dataset's README.md names. */
export interface DatasetConfig {
  name: string;
  isDefault: boolean;
  dataFiles: DataFiles | undefined;
  dataDir: string | undefined;
}

/** A feature of `dataset_info`, as READMEs of the hub write it. */
interface RawFeature {
  name?: unknown;
  dtype?: { class_label?: { names?: Record<string, string> | string[] } } | string;
}

interface RawInfo {
  config_name?: string;
  features?: RawFeature[];
}

/** The names of classes in a README's `dataset_info`, of one configuration or of the only one; undefined without any. */
export function readmeClassNames(readme: string, where: string, name: string | undefined): ClassNames | undefined {
  const info = frontMatter(readme, where).dataset_info;
  const infos = info === undefined ? [] : [info].flat();
  const meant = infos.length > 1 ? infos.find((one) => one.config_name === (name ?? 'default')) : infos[0];
  const features = Array.isArray(meant?.features) ? meant.features : [];
  const found = features.flatMap(({ name: column, dtype }) => {
    const names = typeof dtype === 'object' ? dtype?.class_label?.names : undefined;
    return typeof column === 'string' && names ? [[column, Object.values(names).map(String)] as const] : [];
  });
  return found.length > 0 ? Object.fromEntries(found) : undefined;
}

/** The YAML at the top of a README.md. @throws DataError where it cannot be read. */
function frontMatter(readme: string, where: string): { configs?: RawConfig[]; dataset_info?: RawInfo | RawInfo[] } {
  const yaml = /^---\r?\n([\s\S]*?)\r?\n---/.exec(readme)?.[1];
  if (yaml === undefined) return {};
  try {
    return parse(yaml) ?? {};
  } catch (cause) {
    const what = `the YAML at its top cannot be read (${(cause as Error).message.split('\n')[0]})`;
    throw new DataError(what, where, 'correct it, or name the files with dataFiles', { cause });
  }
}

interface RawConfig {
  config_name?: string;
  default?: boolean;
  data_dir?: string;
  data_files?: string | (string | { split: string; path: string | string[] })[];
}

/** The configurations in the YAML at the top of a README.md. @throws DataError for YAML that cannot be read. */
export function readmeConfigs(readme: string, where: string): DatasetConfig[] {
  const { configs } = frontMatter(readme, where);
  if (!Array.isArray(configs)) return [];
  return configs.map(({ config_name, default: isDefault, data_dir, data_files }) => ({
    name: config_name ?? 'default',
    isDefault: isDefault === true,
    dataFiles: data_files === undefined ? undefined : bySplit(data_files),
    dataDir: data_dir,
  }));
}

function bySplit(given: NonNullable<RawConfig['data_files']>): DataFiles {
  const splits: Record<string, string[]> = {};
  for (const entry of typeof given === 'string' ? [given] : given) {
    const { split, path } = typeof entry === 'string' ? { split: 'train', path: entry } : entry;
    splits[split] = [...(splits[split] ?? []), ...(typeof path === 'string' ? [path] : path)];
  }
  return splits;
}

/** The files of a configuration. */
export function configSplits(config: DatasetConfig, paths: readonly string[], where: string): SplitFiles {
  const prefix = config.dataDir === undefined ? '' : `${config.dataDir.replace(/^\.\/|\/$/g, '')}/`;
  const within = paths.filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length));
  const found = config.dataFiles ? splitsByPattern(within, config.dataFiles, where) : splitsByName(within, where);
  return new Map([...found].map(([split, files]) => [split, files.map((path) => prefix + path)]));
}

/**
 * The configuration of a name, or the one that is meant without a name; undefined if there is none of the name.
 *
 * @throws DataError where a name is needed.
 */
export function chooseConfig<T extends { name: string; isDefault: boolean }>(
  configs: readonly T[],
  name: string | undefined,
  where: string,
): T | undefined {
  if (name !== undefined) return configs.find((config) => config.name === name);
  const meant = configs.find(({ isDefault }) => isDefault) ?? configs.find((config) => config.name === 'default');
  if (meant || configs.length < 2) return meant ?? configs[0];
  const names = configs.map((config) => config.name).join(', ');
  throw new DataError(
    `${configs.length} configurations: ${names}`,
    where,
    `give the name of one, as in { name: '${configs[0]?.name}' }`,
  );
}

function checkKinds(split: string, files: readonly string[], where: string): void {
  const kinds = [...new Set(files.map(extensionOf))];
  if (kinds.length < 2) return;
  const some = files.slice(0, 6).join(', ');
  throw new DataError(
    `${split} has files of several kinds (${some})`,
    where,
    "name those to read, as in { dataFiles: '*.jsonl' }",
  );
}

function append(splits: SplitFiles, split: string, path: string): void {
  splits.set(split, [...(splits.get(split) ?? []), path]);
}

/** Train first, then as `datasets` has them. */
export function ordered(splits: SplitFiles): SplitFiles {
  const place = (split: string) => (ORDER.includes(split) ? ORDER.indexOf(split) : ORDER.length);
  return new Map([...splits].sort(([a], [b]) => place(a) - place(b)));
}
