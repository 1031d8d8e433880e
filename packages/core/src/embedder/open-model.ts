/** A model folder of any layout: what it computes, and its weights, which are not read yet. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ModelError, OptionError } from '../errors.ts';
import { type Checkpoint, openCheckpoint } from '../formats/checkpoint.ts';
import { readJson } from '../formats/files.ts';
import type { StoredTensor } from '../formats/safetensors.ts';
import { type ModelConfig, parseConfig } from '../models/config.ts';
import { familyOf } from '../models/index.ts';
import { Shapes } from '../models/layers.ts';
import { loadParameters, type Parameters, spellingsOf } from '../models/parameters.ts';
import { STATIC_EMBEDDING, staticEmbedding } from '../models/static-embedding.ts';
import { POOLING_STRATEGIES, type PoolingStrategy } from '../names.ts';
import { TOKENIZER_FILES } from '../tokenizer/convert.ts';
import { openTokenizer } from '../tokenizer/open-tokenizer.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { Adapter } from './adapter.ts';
import type { DenseModule, HeadModule } from './head.ts';
import { adapterChange, type Change } from './merge-adapter.ts';
import {
  type ModelLayout,
  PLAIN_LAYOUT,
  readNamelessLayout,
  readSentenceTransformers,
  type StoredLayout,
} from './sentence-transformers.ts';

export interface OpenOptions {
  /** Overrides what the folder says; several give their vectors one after the other. */
  poolingStrategy?: PoolingStrategy | readonly PoolingStrategy[] | undefined;
  /** Tokens a text, special tokens included; overrides what the folder says. */
  maxLength?: number | undefined;
  /** Open the encoder of the folder alone, without what sentence-transformers' layout puts around it. */
  encoderOnly?: boolean | undefined;
}

/** All that a model is, but the values of its parameters. */
export interface OpenedModel {
  /** Where the encoder's files are. */
  folder: string;
  /** Where its tokenizer's files are: the same, but of an adapter that brings its own. */
  tokenizerFolder: string;
  config: ModelConfig;
  /** config.json as it was; empty for a StaticEmbedding, which has none. */
  configText: string;
  tokenizer: Tokenizer;
  layout: ModelLayout;
  /** Where the pooling was found, in words. */
  poolingReason: string;
  /** Tokens a text is cut to. */
  maxLength: number;
  /** Reads the weights to the engine in use. */
  load(): Parameters;
}

/** What transformers writes as model_max_length where it knows none. */
const NO_LIMIT = 1e30;

/**
 * Opens sentence-transformers' layout, uniem's, or a plain folder of transformers, pooled by last_mean.
 *
 * @param adapter Merged into the weights as they are loaded; its folder may bring a layout and a tokenizer of its own.
 * @throws ModelError saying which file, tensor or key is wrong.
 */
export function openModel(root: string, options: OpenOptions, adapter?: Adapter): OpenedModel {
  requireStrategies(options.poolingStrategy);
  const hasLayout = adapter !== undefined && existsSync(join(adapter.folder, 'modules.json'));
  const layoutFolder = hasLayout ? adapter.folder : root;
  const stored = options.encoderOnly ? undefined : readSentenceTransformers(layoutFolder);
  if (stored?.isStatic && options.poolingStrategy !== undefined) {
    throw new OptionError('a StaticEmbedding is the mean of its words', 'poolingStrategy', 'leave it out');
  }
  const encoderPath = hasLayout ? readSentenceTransformers(root)?.encoderPath : stored?.encoderPath;
  const folder = join(root, encoderPath ?? '');
  const isStatic = stored?.isStatic ?? false;
  if (isStatic && adapter)
    throw new ModelError('is a StaticEmbedding, which takes no adapter', root, 'give its own base model');
  const { config, configText, checkpoint } = isStatic ? openStaticEmbedding(folder) : openEncoder(folder);
  const isNameless = !stored && !options.encoderOnly && config.poolingStrategy !== undefined;
  const around = stored ?? (isNameless ? readNamelessLayout(folder, config.raw) : PLAIN_LAYOUT);
  const { head, ...rest } = around;
  const { strategies, reason } = choosePooling(options.poolingStrategy, stored, config);
  requireWidths(head, config.hiddenSize * strategies.length, layoutFolder);
  const tokenizerFolder = adapter && hasTokenizer(adapter.folder) ? adapter.folder : folder;
  const tokenizer = openTokenizer(tokenizerFolder, { lowerCase: rest.lowerCase, addSpecialTokens: !isStatic });
  if (isStatic) requireRows(config, tokenizer, checkpoint.path);
  const own = isStatic ? tokenizer.truncation : tokenizer.modelMaxLength;
  const maxLength = options.maxLength ?? around.maxLength ?? own ?? config.maxPositions;
  const dense = [...around.densePaths].map(([name, path]) => {
    const module = head.find((module) => module.type === 'Dense' && module.name === name) as DenseModule;
    return { module, checkpoint: openCheckpoint(join(layoutFolder, path)) };
  });
  const change = adapter && changeOf(adapter, config);
  return {
    folder,
    tokenizerFolder,
    config,
    configText,
    tokenizer,
    layout: { ...rest, head, pooling: { ...rest.pooling, strategies } },
    poolingReason: reason,
    maxLength: maxLength < NO_LIMIT ? Math.min(maxLength, config.maxPositions) : config.maxPositions,
    load: () => loadAll(config, checkpoint, dense, change),
  };
}

/** Whether tokens can be made of the folder's files: settings of a tokenizer alone are none. */
function hasTokenizer(folder: string): boolean {
  return TOKENIZER_FILES.some((file) => !/config|_map|added/.test(file) && existsSync(join(folder, file)));
}

function requireStrategies(given: OpenOptions['poolingStrategy']): void {
  if (given === undefined) return;
  const strategies = [given].flat() as PoolingStrategy[];
  const unknown = strategies.find((strategy) => !POOLING_STRATEGIES.includes(strategy));
  if (unknown === undefined && strategies.length > 0) return;
  throw new OptionError(
    unknown === undefined ? 'names no strategy' : `unknown strategy '${unknown}'`,
    'poolingStrategy',
    `use one of ${POOLING_STRATEGIES.join(', ')}`,
  );
}

interface StoredEncoder {
  config: ModelConfig;
  configText: string;
  checkpoint: Checkpoint;
}

function openEncoder(folder: string): StoredEncoder {
  const path = join(folder, 'config.json');
  const config = parseConfig(readJson(path), path);
  return { config, configText: readFileSync(path, 'utf8'), checkpoint: openCheckpoint(folder) };
}

/** A table by sentence-transformers' name or model2vec's. */
function openStaticEmbedding(folder: string): StoredEncoder {
  const { path, tensors } = openCheckpoint(folder);
  const table = tensors.get('embedding.weight') ?? weighted(tensors.get('embeddings'), tensors.get('weights'));
  const [rows, columns] = table?.shape ?? [];
  if (table?.shape.length !== 2 || !rows || !columns) {
    throw new ModelError('holds no table embedding.weight', path, 'download the model again');
  }
  const shape = staticEmbedding.schema.parse({ vocab_size: rows, hidden_size: columns });
  return {
    config: { ...shape, modelType: STATIC_EMBEDDING, poolingStrategy: undefined, raw: {} },
    configText: '',
    checkpoint: { path, tensors: new Map([['embedding.weight', table]]) },
  };
}

/** model2vec may keep a weight a token apart from the table. */
function weighted(table: StoredTensor | undefined, weights: StoredTensor | undefined): StoredTensor | undefined {
  if (!table || !weights) return table;
  const read = () => {
    const [values, factors] = [table.read(), weights.read()];
    const columns = table.shape[1] as number;
    return values.map((value, i) => value * (factors[Math.floor(i / columns)] as number));
  };
  return { shape: table.shape, read };
}

function choosePooling(
  given: OpenOptions['poolingStrategy'],
  stored: StoredLayout | undefined,
  config: ModelConfig,
): { strategies: readonly PoolingStrategy[]; reason: string } {
  if (given !== undefined) return { strategies: [given].flat() as PoolingStrategy[], reason: 'it was asked for' };
  if (stored) return { strategies: stored.pooling.strategies, reason: 'modules.json says so' };
  if (config.poolingStrategy) return { strategies: [config.poolingStrategy], reason: 'config.json says so' };
  return { strategies: PLAIN_LAYOUT.pooling.strategies, reason: 'the folder names none' };
}

/** @throws ModelError for a Dense that does not take what comes before it. */
function requireWidths(head: readonly HeadModule[], pooled: number, folder: string): void {
  let width = pooled;
  for (const module of head) {
    if (module.type !== 'Dense') continue;
    if (module.inFeatures !== width) {
      throw new ModelError(
        `${module.name} takes ${module.inFeatures} values, but ${width} come before it`,
        folder,
        'leave poolingStrategy out, or use another model',
      );
    }
    width = module.outFeatures;
  }
}

/** @throws ModelError for a table with fewer rows than tokens, as those of model2vec have whose tokens share rows. */
function requireRows(config: ModelConfig, tokenizer: Tokenizer, path: string): void {
  const [rows] = [...familyOf(config).shapes(config).values()][0] as [number];
  if (rows >= tokenizer.size) return;
  throw new ModelError(
    `has ${rows} rows for the ${tokenizer.size} tokens of tokenizer.json`,
    path,
    'use a model whose tokens have a row each',
  );
}

function loadAll(
  config: ModelConfig,
  { tensors, path }: Checkpoint,
  dense: readonly { module: DenseModule; checkpoint: Checkpoint }[],
  change?: Change,
): Parameters {
  const { shapes, optional, prefix, aliases } = familyOf(config);
  const parameters = loadParameters(tensors, shapes(config), optional(config), prefix, path, aliases, change);
  try {
    for (const { module, checkpoint } of dense) {
      for (const [name, variable] of loadDense(module, checkpoint)) parameters.set(`${module.name}.${name}`, variable);
    }
  } catch (error) {
    for (const variable of parameters.values()) variable.dispose();
    throw error;
  }
  return parameters;
}

function changeOf(adapter: Adapter, config: ModelConfig): Change {
  const { shapes, aliases = {} } = familyOf(config);
  return adapterChange(adapter, shapes(config).keys(), (name) => spellingsOf(name, aliases));
}

function loadDense(module: DenseModule, { tensors, path }: Checkpoint): Parameters {
  const shapes = new Shapes();
  shapes.dense('linear', module.outFeatures, module.inFeatures, module.bias);
  return loadParameters(tensors, shapes, new Set(), '', path);
}
