/** Where a model's files are: a folder, or a repository of the hub, of which only what is needed is downloaded. */

import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

import { type HubOptions, openRepository, parseHubName, type Repository } from '@uniem/hub';

import { NAME, OBJECT } from '@uniem/hub/arguments';

import { requireKind } from '../arguments.ts';
import { ModelError } from '../errors.ts';
import { isObject, readJson, readJsonValue } from './files.ts';

/** Configuration and tokenizer: small, and not worth choosing from. */
const SMALL_FILES = /\.(json|txt|model)$/;

/** Weights of one folder, the best first; shards go with the index that names them. */
const WEIGHTS = [
  'model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
] as const;

/** Of an adapter, which names its base model: not chosen from the others, since both may be there. */
const ADAPTER_WEIGHTS = ['adapter_model.safetensors', 'adapter_model.bin'] as const;

/**
 * The folder of a model.
 *
 * @param model A folder, or `owner/name` or `owner/name@revision` of the hub.
 * @throws ModelError where it is neither; HubError for what the hub says against it.
 */
export async function modelFolder(model: string, hub: HubOptions = {}): Promise<string> {
  requireKind(model, NAME, 'model', 'give a model folder, or owner/name of the hub');
  requireKind(hub, OBJECT, 'hub');
  if (isFolder(model)) return model;
  const name = existsSync(model) ? undefined : parseHubName(model);
  if (!name || name.configuration !== undefined) {
    throw new ModelError(
      'no such model folder',
      model,
      'give the folder that holds config.json, or a model of the hub as owner/name[@revision]',
    );
  }
  return download(await openRepository({ type: 'model', name: name.name, revision: name.revision }, hub));
}

/** A path that no disk takes is none. */
function isFolder(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch {
    return false;
  }
}

async function download(repository: Repository): Promise<string> {
  const files = new Set((await repository.files()).map(({ path }) => path));
  const wanted = new Set(files.has('README.md') ? ['README.md'] : []); // names the language
  for (const folder of await moduleFolders(repository, files)) {
    const within = (file: string) => (folder === '' ? file : `${folder}/${file}`);
    const isAdapter = files.has(within('adapter_config.json'));
    const choice: readonly string[] = isAdapter ? ADAPTER_WEIGHTS : WEIGHTS;
    const weights = choice.map(within).find((path) => files.has(path));
    if (weights) for (const path of await weightFiles(repository, weights)) wanted.add(path);
    for (const path of files) {
      const isWeights = WEIGHTS.some((name) => path === within(name));
      if (!isWeights && SMALL_FILES.test(path) && dirname(path) === (folder || '.')) wanted.add(path);
    }
  }
  return repository.downloadAll((path) => wanted.has(path));
}

/** The repository's own folder, and those that modules.json names. */
async function moduleFolders(repository: Repository, files: ReadonlySet<string>): Promise<Set<string>> {
  const folders = new Set(['']);
  if (!files.has('modules.json')) return folders;
  const modules = readJsonValue(await repository.download('modules.json'));
  for (const module of Array.isArray(modules) ? modules : []) {
    if (isObject(module) && typeof module.path === 'string') folders.add(module.path); // openModel refuses what is none
  }
  return folders;
}

/** An index and the shards it names, or one file. */
async function weightFiles(repository: Repository, path: string): Promise<string[]> {
  if (!path.endsWith('.index.json')) return [path];
  const { weight_map: shards } = readJson(await repository.download(path));
  const folder = dirname(path) === '.' ? '' : `${dirname(path)}/`;
  return [path, ...new Set(Object.values(isObject(shards) ? shards : {}).map((shard) => `${folder}${shard}`))];
}
