/** The data files of a dataset of the hub: those its README names, those its names tell, or its Parquet copy. */

import { readFileSync } from 'node:fs';

import { HubError, type HubOptions, openRepository, type Repository } from '@uniem/hub';

import { LocalFile } from '../bytes.ts';
import { DataError } from '../errors.ts';
import type { ClassNames } from '../readers/reader.ts';
import type { FileOpener } from '../stream/sources.ts';
import {
  chooseConfig,
  configSplits,
  type DataFiles,
  isDataFile,
  ordered,
  readmeClassNames,
  readmeConfigs,
  type SplitFiles,
  splitsByName,
  splitsByPattern,
} from './data-files.ts';

/** The branch on which the hub keeps a dataset's rows as Parquet, also where the dataset itself is a script. */
const CONVERTED = 'refs/convert/parquet';

export interface HubFilesOptions {
  name?: string | undefined;
  revision?: string | undefined;
  dataFiles?: DataFiles | undefined;
  hub?: HubOptions | undefined;
}

/** Files of one repository, by split. */
export interface HubFiles {
  repository: Repository;
  splits: SplitFiles;
}

/** @throws DataError that says what was tried where no data files are found; HubError where the hub cannot be read. */
export async function hubFiles(id: string, { name, revision, dataFiles, hub }: HubFilesOptions): Promise<HubFiles> {
  const repository = await openRepository({ type: 'dataset', name: id, revision }, hub);
  const paths = (await repository.files()).map(({ path }) => path);
  if (dataFiles !== undefined) return { repository, splits: splitsByPattern(paths, dataFiles, id) };
  const tried: string[] = [];
  const own = await ownFiles(repository, paths, name, tried);
  if (own) return { repository, splits: own };
  if (revision === undefined) {
    const converted = await convertedFiles(id, name, hub, tried);
    if (converted) return converted;
  }
  const what = `no data files${name === undefined ? '' : ` of the configuration '${name}'`}; tried: ${tried.join('; ')}`;
  throw new DataError(what, id, 'name a configuration that there is, or files with dataFiles');
}

/** What the repository's README.md says of columns that hold the numbers of classes. */
export async function hubClassNames(
  { repository }: HubFiles,
  name: string | undefined,
): Promise<ClassNames | undefined> {
  const files = await repository.files();
  if (!files.some(({ path }) => path === 'README.md')) return undefined;
  return readmeClassNames(readFileSync(await repository.download('README.md'), 'utf8'), repository.id.name, name);
}

async function ownFiles(repository: Repository, paths: string[], name: string | undefined, tried: string[]) {
  const { id } = repository;
  if (paths.includes('README.md')) {
    const readme = readFileSync(await repository.download('README.md'), 'utf8');
    const configs = readmeConfigs(readme, `${id.name}/README.md`);
    if (configs.length > 0) {
      const config = chooseConfig(configs, name, id.name);
      if (config) return configSplits(config, paths, id.name);
      tried.push(`the configurations in README.md (${configs.map((found) => found.name).join(', ')})`);
      return undefined;
    }
    tried.push('README.md (no configurations)');
  }
  const files = paths.filter(isDataFile);
  const script = paths.find((path) => path.endsWith('.py'));
  const kinds = script ? `only the script ${script}, which is not run` : 'none';
  if (name === undefined || name === 'default') {
    if (files.length > 0) return splitsByName(paths, id.name);
    tried.push(`data files on ${repository.revision} (${kinds})`);
    return undefined;
  }
  const within = files.filter((path) => path.startsWith(`${name}/`));
  if (within.length > 0) {
    const splits = splitsByName(
      within.map((path) => path.slice(name.length + 1)),
      id.name,
    );
    return new Map([...splits].map(([split, found]) => [split, found.map((path) => `${name}/${path}`)]));
  }
  tried.push(`the folder ${name} on ${repository.revision} (${files.length > 0 ? 'not there' : kinds})`);
  return undefined;
}

async function convertedFiles(
  id: string,
  name: string | undefined,
  hub: HubOptions | undefined,
  tried: string[],
): Promise<HubFiles | undefined> {
  let repository: Repository;
  try {
    repository = await openRepository({ type: 'dataset', name: id, revision: CONVERTED }, hub);
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    // offline, a copy that was never loaded is as good as none
    if (error.status !== 404 && error.status !== undefined) throw error;
    tried.push(`the branch ${CONVERTED} (${error.message.split('\n')[0]})`);
    return undefined;
  }
  const paths = (await repository.files())
    .map(({ path }) => path)
    .filter((path) => path.endsWith('.parquet') && path.includes('/'));
  const names = [...new Set(paths.map((path) => path.split('/')[0] as string))];
  const config = chooseConfig(
    names.map((found) => ({ name: found, isDefault: false })),
    name,
    id,
  );
  if (!config) {
    tried.push(`the branch ${CONVERTED} (configurations: ${names.join(', ') || 'none'})`);
    return undefined;
  }
  return { repository, splits: convertedSplits(paths, config.name, id) };
}

/** `<config>/<split>/0000.parquet`, of large splits `<config>/partial-<split>/0000.parquet`; once `<config>/x-<split>.parquet`. */
function convertedSplits(paths: readonly string[], config: string, where: string): SplitFiles {
  const within = paths.filter((path) => path.startsWith(`${config}/`));
  const splits: SplitFiles = new Map();
  for (const path of within) {
    const [, folder, file] = path.split('/');
    if (file === undefined) continue;
    const split = (folder as string).replace(/^partial-/, '');
    splits.set(split, [...(splits.get(split) ?? []), path]);
  }
  if (splits.size > 0) return ordered(splits);
  const named = splitsByName(
    within.map((path) => path.slice(config.length + 1)),
    where,
  );
  return new Map([...named].map(([split, files]) => [split, files.map((path) => `${config}/${path}`)]));
}

/** How to open a file: where it lies when streaming, else downloaded first. */
export async function hubOpener({ repository }: HubFiles, path: string, streaming: boolean): Promise<FileOpener> {
  const name = `${repository.id.name}@${repository.revision}/${path}`;
  const cached = repository.cached(path);
  if (streaming && cached === undefined) {
    const remote = await repository.open(path);
    return () => remote;
  }
  const local = cached ?? (await repository.download(path));
  return () => new LocalFile(local, name);
}
