/** A model folder's weights, whatever files hold them; a tensor's values are read when asked for. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { ModelError } from '../errors.ts';
import { isObject, readJson } from './files.ts';
import { openPytorch } from './pytorch.ts';
import { openSafetensors, type StoredTensor } from './safetensors.ts';

export interface Checkpoint {
  /** The file that names the tensors, for errors. */
  path: string;
  /** Floating-point tensors by name. */
  tensors: ReadonlyMap<string, StoredTensor>;
}

type Open = (path: string) => Map<string, StoredTensor>;

/** In the order transformers looks for them; the first that is there is read. */
const FILES: readonly [name: string, open: Open][] = [
  ['model.safetensors', openSafetensors],
  ['model.safetensors.index.json', (path) => openShards(path, openSafetensors)],
  ['pytorch_model.bin', openPytorch],
  ['pytorch_model.bin.index.json', (path) => openShards(path, openPytorch)],
];

/** @throws ModelError when no file of weights is there, or one is cut short or lies about its sizes. */
export function openCheckpoint(folder: string): Checkpoint {
  for (const [name, open] of FILES) {
    const path = join(folder, name);
    if (existsSync(path)) return { path, tensors: open(path) };
  }
  throw new ModelError(
    'no weight file found',
    folder,
    `give a folder that holds one of ${FILES.map(([name]) => name).join(', ')}`,
  );
}

/** Reads an index: the name of every tensor, and the shard beside it that holds the tensor. */
function openShards(path: string, open: Open): Map<string, StoredTensor> {
  const { weight_map: files } = readJson(path);
  if (!isObject(files)) throw new ModelError('has no weight_map', path, 'download the model again');
  const shards = new Map<string, Map<string, StoredTensor>>();
  const tensors = new Map<string, StoredTensor>();
  for (const [name, file] of Object.entries(files)) {
    if (typeof file !== 'string' || !/^[^/\\]+$/.test(file)) {
      throw new ModelError(
        `tensor ${name} is in ${JSON.stringify(file)}, which is no file beside the index`,
        path,
        'download the model again',
      );
    }
    const shardPath = join(path, '..', file);
    const shard = shards.get(file) ?? open(shardPath);
    shards.set(file, shard);
    const tensor = shard.get(name);
    if (tensor) tensors.set(name, tensor);
    // An index names integer tensors too, which no shard gives; a parameter that is missing is missed by its family.
  }
  return tensors;
}
