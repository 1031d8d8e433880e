/** What the encoder's folder of a model holds: its config and weights. */

import { join } from 'node:path';

import { type ModelConfig, parseConfig } from '../config.ts';
import { ModelError } from '../errors.ts';
import { STATIC_EMBEDDING, staticEmbedding } from '../models/static-embedding.ts';
import { type Checkpoint, openCheckpoint } from './checkpoint.ts';
import { readJson } from './files.ts';
import type { StoredTensor } from './safetensors.ts';

export interface StoredEncoder {
  config: ModelConfig;
  checkpoint: Checkpoint;
}

/** Reads config.json and opens the weights. */
export function openEncoder(folder: string): StoredEncoder {
  const path = join(folder, 'config.json');
  return { config: parseConfig(readJson(path), path), checkpoint: openCheckpoint(folder) };
}

/** Opens a StaticEmbedding's table, by its own name or model2vec's. */
export function openStaticEmbedding(folder: string): StoredEncoder {
  const { path, tensors } = openCheckpoint(folder);
  const table = tensors.get('embedding.weight') ?? weighted(tensors.get('embeddings'), tensors.get('weights'));
  const [rows, columns] = table?.shape ?? [];
  if (!table || table.shape.length !== 2 || !rows || !columns) {
    throw new ModelError('holds no table embedding.weight', path, 'download the model again');
  }
  const config = staticEmbedding.schema.parse({ vocab_size: rows, hidden_size: columns });
  return {
    config: { ...config, modelType: STATIC_EMBEDDING, poolingStrategy: undefined, raw: {} },
    checkpoint: { path, tensors: new Map([['embedding.weight', table]]) },
  };
}

/** model2vec keeps a weight a token apart from the table. */
function weighted(table: StoredTensor | undefined, weights: StoredTensor | undefined): StoredTensor | undefined {
  if (!table || !weights) return table;
  const read = () => {
    const [values, factors] = [table.read(), weights.read()];
    const columns = table.shape[1] as number;
    return values.map((value, i) => value * (factors[Math.floor(i / columns)] as number));
  };
  return { shape: table.shape, read };
}
