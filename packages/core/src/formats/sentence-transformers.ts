/** The sentence-transformers folder layout: read in all its versions, written in the classic one. */

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { z } from 'zod';

import type { PoolingStrategy } from '../config.ts';
import { ModelError } from '../errors.ts';
import { readJson, readJsonValue } from './files.ts';

/** What the layout says beyond the encoder. */
export interface SentenceTransformersLayout {
  /** Folder of the encoder, relative to the model's. */
  encoderPath: string;
  poolingStrategy: PoolingStrategy;
  normalize: boolean;
  /** Tokens; undefined when not given. */
  maxLength: number | undefined;
}

/** sentence-transformers' pooling_mode to uniem's name; modes that are not here are refused. */
const STRATEGY_OF_MODE: Record<string, PoolingStrategy> = {
  cls: 'cls',
  mean: 'last_mean',
  weightedmean: 'last_weighted',
  lasttoken: 'last_token',
};

/** The classic layout's one flag a mode. */
const MODE_OF_FLAG: Record<string, string> = {
  pooling_mode_cls_token: 'cls',
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_max_tokens: 'max',
  pooling_mode_mean_sqrt_len_tokens: 'mean_sqrt_len_tokens',
  pooling_mode_weightedmean_tokens: 'weightedmean',
  pooling_mode_lasttoken: 'lasttoken',
};

const moduleList = z.array(z.looseObject({ path: z.string(), type: z.string() }));

/** Reads modules.json and what it names; undefined where the folder is not of this layout. */
export function readSentenceTransformers(folder: string): SentenceTransformersLayout | undefined {
  const modulesPath = join(folder, 'modules.json');
  if (!existsSync(modulesPath)) return undefined;
  const modules = moduleList.safeParse(readJsonValue(modulesPath));
  if (!modules.success) {
    throw new ModelError('is not a list of modules, each with type and path', modulesPath, 'download the model again');
  }
  const layout: SentenceTransformersLayout = {
    encoderPath: '',
    poolingStrategy: 'last_mean',
    normalize: false,
    maxLength: undefined,
  };
  for (const { path, type } of modules.data) {
    const name = type.split('.').at(-1); // old and new packages differ in all but the class name
    if (name === 'Transformer') layout.encoderPath = path;
    else if (name === 'Pooling') layout.poolingStrategy = readPooling(join(folder, path, 'config.json'));
    else if (name === 'Normalize') layout.normalize = true;
    else {
      throw new ModelError(`module ${type} is not supported`, modulesPath, 'use Transformer, Pooling and Normalize');
    }
  }
  const bertConfigPath = join(folder, layout.encoderPath, 'sentence_bert_config.json');
  if (existsSync(bertConfigPath)) {
    const maxLength = readJson(bertConfigPath).max_seq_length;
    if (typeof maxLength === 'number') layout.maxLength = maxLength;
  }
  return layout;
}

function readPooling(path: string): PoolingStrategy {
  const config = readJson(path);
  const compact = config.pooling_mode; // since 5.4: a name or a list of names
  const modes =
    compact === undefined
      ? Object.entries(MODE_OF_FLAG).flatMap(([flag, mode]) => (config[flag] === true ? [mode] : []))
      : [compact].flat();
  const strategy = modes.length === 1 ? STRATEGY_OF_MODE[String(modes[0])] : undefined;
  if (strategy === undefined) {
    throw new ModelError(
      `pooling ${modes.join(' + ')} is not supported`,
      path,
      `use one of ${Object.keys(STRATEGY_OF_MODE).join(', ')}`,
    );
  }
  return strategy;
}

/** The layout's name of a pooling; undefined for one that reads two layers, which has none. */
export function poolingMode(strategy: PoolingStrategy): string | undefined {
  return Object.entries(STRATEGY_OF_MODE).find(([, known]) => known === strategy)?.[0];
}

/**
 * Writes the files around an encoder in `folder`. Poolings that read two layers have no name in this layout: then
 * nothing is written, and config.json's uniem_pooling_strategy alone says how to pool.
 *
 * The compact form of 5.4 is not written: other readers of it pooled wrongly without a word.
 */
export function writeSentenceTransformers(
  folder: string,
  {
    poolingStrategy,
    normalize,
    maxLength,
    hiddenSize,
  }: {
    poolingStrategy: PoolingStrategy;
    normalize: boolean;
    maxLength: number;
    hiddenSize: number;
  },
): void {
  const mode = poolingMode(poolingStrategy);
  if (mode === undefined) return;
  const write = (path: string, content: unknown) =>
    writeFileSync(join(folder, path), `${JSON.stringify(content, null, 2)}\n`);
  const classes = normalize ? ['Transformer', 'Pooling', 'Normalize'] : ['Transformer', 'Pooling'];
  const paths = classes.map((name, idx) => (idx === 0 ? '' : `${idx}_${name}`));
  write(
    'modules.json',
    classes.map((name, idx) => ({
      idx,
      name: String(idx),
      path: paths[idx],
      type: `sentence_transformers.models.${name}`,
    })),
  );
  for (const path of paths.slice(1)) mkdirSync(join(folder, path as string), { recursive: true });
  const flags = Object.fromEntries(Object.entries(MODE_OF_FLAG).map(([flag, name]) => [flag, name === mode]));
  write('1_Pooling/config.json', { word_embedding_dimension: hiddenSize, ...flags, include_prompt: true });
  write('sentence_bert_config.json', { max_seq_length: maxLength, do_lower_case: false });
  write('config_sentence_transformers.json', {
    __version__: { sentence_transformers: '3.0.0', transformers: '4.41.0', pytorch: '2.3.0' },
    prompts: {},
    default_prompt_name: null,
    similarity_fn_name: 'cosine',
  });
}
