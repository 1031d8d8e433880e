/** The sentence-transformers folder layout: read in all its versions, written in the classic one. */

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { z } from 'zod';
import { ModelError, OptionError } from '../errors.ts';
import { readJson, readJsonValue } from '../formats/files.ts';
import { type HostTensor, writeSafetensors } from '../formats/safetensors.ts';
import type { PoolingStrategy } from '../names.ts';
import { DENSE_ACTIVATIONS, type DenseModule, type HeadModule } from './head.ts';

/** What a model computes around its encoder. */
export interface ModelLayout {
  /** Whether the encoder is a table of word embeddings alone. */
  isStatic: boolean;
  /** Whether texts are lower-cased before the tokenizer sees them. */
  lowerCase: boolean;
  pooling: PoolingLayout;
  /** What follows the pooling, without a Normalize at the end. */
  head: readonly HeadModule[];
  /** Whether the last module is Normalize. */
  normalize: boolean;
  settings: Settings;
}

/** A layout as a folder has it. */
export interface StoredLayout extends ModelLayout {
  /** Folder of the encoder, relative to the model's. */
  encoderPath: string;
  /** The Dense modules' folders, relative to the model's, by their names in `head`. */
  densePaths: ReadonlyMap<string, string>;
  /** Tokens; undefined when not given. */
  maxLength: number | undefined;
}

export interface PoolingLayout {
  strategies: readonly PoolingStrategy[];
  /** Whether a prompt's tokens are pooled. */
  includePrompt: boolean;
}

/** What config_sentence_transformers.json says; other keys are kept for the next save. */
export type Settings = z.output<typeof settingsSchema>;

const settingsSchema = z.looseObject({
  prompts: z.record(z.string(), z.string()).default({}),
  default_prompt_name: z.string().nullable().default(null),
  truncate_dim: z.int().positive().nullable().optional(),
});

/** That of a folder which says nothing: a plain one of transformers. */
export const PLAIN_LAYOUT: StoredLayout = {
  encoderPath: '',
  densePaths: new Map(),
  maxLength: undefined,
  isStatic: false,
  lowerCase: false,
  pooling: { strategies: ['last_mean'], includePrompt: true },
  head: [],
  normalize: false,
  settings: settingsSchema.parse({}),
};

/** sentence-transformers' pooling_mode to our name, in the order of several modes that are given by flags. */
const STRATEGY_OF_MODE: Record<string, PoolingStrategy> = {
  cls: 'cls',
  max: 'last_max',
  mean: 'last_mean',
  mean_sqrt_len_tokens: 'last_mean_sqrt_len',
  weightedmean: 'last_weighted',
  lasttoken: 'last_token',
};
const STRATEGIES = Object.values(STRATEGY_OF_MODE);

/** The classic layout's one flag a mode. */
const MODE_OF_FLAG: Record<string, string> = {
  pooling_mode_cls_token: 'cls',
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_max_tokens: 'max',
  pooling_mode_mean_sqrt_len_tokens: 'mean_sqrt_len_tokens',
  pooling_mode_weightedmean_tokens: 'weightedmean',
  pooling_mode_lasttoken: 'lasttoken',
};

const SETTINGS = 'config_sentence_transformers.json';

/** Class names of the encoder module; versions before 1.0 had one a family. */
const TRANSFORMERS = new Set([
  'Transformer',
  ...['BERT', 'RoBERTa', 'DistilBERT', 'ALBERT', 'XLMRoBERTa', 'CamemBERT', 'T5'],
]);

/** Names that the encoder module's own config had, the newest first. */
const TRANSFORMER_CONFIGS = ['bert', 'roberta', 'distilbert', 'camembert', 'albert', 'xlm-roberta'].map(
  (name) => `sentence_${name}_config.json`,
);

const moduleList = z.array(z.looseObject({ path: z.string(), type: z.string() }));
const denseConfig = z.looseObject({
  in_features: z.int().positive(),
  out_features: z.int().positive(),
  bias: z.boolean().default(true),
  activation_function: z.enum(DENSE_ACTIVATIONS as [string, ...string[]]).default('torch.nn.modules.activation.Tanh'),
  use_residual: z.literal(false).default(false),
});

/** Reads modules.json and what it names; undefined where the folder is not of this layout. */
export function readSentenceTransformers(folder: string): StoredLayout | undefined {
  const modulesPath = join(folder, 'modules.json');
  if (!existsSync(modulesPath)) return undefined;
  const parsed = moduleList.safeParse(readJsonValue(modulesPath));
  if (!parsed.success) {
    throw new ModelError('is not a list of modules, each with type and path', modulesPath, 'download the model again');
  }
  const modules = parsed.data.map(({ path, type }) => ({ path, type, name: type.split('.').at(-1) as string }));
  for (const { path } of modules) {
    if (/(^|[/\\])\.\.([/\\]|$)|^[/\\]/.test(path)) {
      throw new ModelError(
        `module path ${JSON.stringify(path)} leads out of the folder`,
        modulesPath,
        'correct the path',
      );
    }
  }
  const [encoder, ...rest] = modules; // old and new packages differ in all but the class name
  const isStatic = encoder?.name === 'StaticEmbedding';
  if (!encoder || !(isStatic || TRANSFORMERS.has(encoder.name))) {
    throw unsupported(encoder?.type ?? '(none)', 'at the beginning', modulesPath);
  }
  const pooled = !isStatic && rest[0]?.name === 'Pooling';
  const head: HeadModule[] = [];
  const densePaths = new Map<string, string>();
  for (const { name, type, path } of rest.slice(pooled ? 1 : 0)) {
    if (name === 'Normalize') head.push({ type: 'Normalize' });
    else if (name === 'Dense') {
      const dense = readDense(join(folder, path, 'config.json'), `${head.length + (isStatic ? 1 : 2)}_Dense`);
      head.push(dense);
      densePaths.set(dense.name, path);
    } else throw unsupported(type, 'there', modulesPath);
  }
  const normalize = head.at(-1)?.type === 'Normalize';
  return {
    encoderPath: encoder.path,
    isStatic,
    pooling: pooled
      ? readPooling(join(folder, (rest[0] as { path: string }).path, 'config.json'))
      : PLAIN_LAYOUT.pooling,
    head: normalize ? head.slice(0, -1) : head,
    densePaths,
    normalize,
    ...readTransformer(join(folder, encoder.path)),
    settings: readSettings(join(folder, SETTINGS)),
  };
}

function unsupported(type: string, where: string, path: string): ModelError {
  return new ModelError(
    `module ${type} is not supported ${where}`,
    path,
    'use Transformer and Pooling, or StaticEmbedding; then Dense and Normalize',
  );
}

function readTransformer(folder: string): { maxLength: number | undefined; lowerCase: boolean } {
  const path = TRANSFORMER_CONFIGS.map((name) => join(folder, name)).find((path) => existsSync(path));
  const { max_seq_length: maxLength, do_lower_case: lowerCase } = path ? readJson(path) : {};
  return { maxLength: typeof maxLength === 'number' ? maxLength : undefined, lowerCase: lowerCase === true };
}

function readPooling(path: string): PoolingLayout {
  const config = readJson(path);
  const compact = config.pooling_mode; // since 5.4: a name or a list of names
  const flagged = Object.keys(STRATEGY_OF_MODE).filter((mode) =>
    Object.entries(MODE_OF_FLAG).some(([flag, name]) => name === mode && config[flag] === true),
  );
  const modes = compact === undefined ? flagged : [compact].flat();
  const strategies = (modes.length > 0 ? modes : ['mean']).map((mode) => {
    const strategy = Object.hasOwn(STRATEGY_OF_MODE, String(mode)) ? STRATEGY_OF_MODE[String(mode)] : undefined;
    if (strategy) return strategy;
    throw new ModelError(
      `pooling ${JSON.stringify(mode)} is not supported`,
      path,
      `use ${Object.keys(STRATEGY_OF_MODE).join(', ')}`,
    );
  });
  return { strategies, includePrompt: config.include_prompt !== false };
}

function readDense(path: string, name: string): DenseModule {
  const parsed = denseConfig.safeParse(readJson(path));
  if (!parsed.success) {
    const issue = parsed.error.issues[0] as z.core.$ZodIssue;
    throw new ModelError(`${issue.path.join('.')}: ${issue.message}`, path, 'use another model, or correct the value');
  }
  const { in_features, out_features, bias, activation_function: activation } = parsed.data;
  return { type: 'Dense', name, inFeatures: in_features, outFeatures: out_features, bias, activation };
}

function readSettings(path: string): Settings {
  if (!existsSync(path)) return PLAIN_LAYOUT.settings;
  const parsed = settingsSchema.safeParse(readJson(path));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0] as z.core.$ZodIssue;
  throw new ModelError(`${issue.path.join('.')}: ${issue.message}`, path, 'correct the value, or remove the key');
}

/**
 * What surrounds an encoder whose pooling has no name in this layout, as `writeSentenceTransformers` leaves it: the files
 * beside modules.json, and what that would say in config.json.
 */
export function readNamelessLayout(folder: string, config: Record<string, unknown>): StoredLayout {
  return {
    ...PLAIN_LAYOUT,
    pooling: { ...PLAIN_LAYOUT.pooling, includePrompt: config.uniem_include_prompt !== false },
    normalize: config.uniem_normalize === true,
    ...readTransformer(folder),
    settings: readSettings(join(folder, SETTINGS)),
  };
}

/** What config.json says of a layout beside the pooling: for one without a name alone. */
export function namelessKeys(layout: ModelLayout): Record<string, unknown> {
  if (isInLayout(layout)) return { uniem_normalize: undefined, uniem_include_prompt: undefined };
  return { uniem_normalize: layout.normalize, uniem_include_prompt: layout.pooling.includePrompt };
}

/** Whether the layout has names for the poolings: it has none for those that read two layers. */
export function isInLayout({ isStatic, pooling }: ModelLayout): boolean {
  return isStatic || pooling.strategies.every((strategy) => STRATEGIES.includes(strategy));
}

/** @throws OptionError for what neither the layout nor uniem's key in config.json has a name for. */
export function requireSaveable(layout: ModelLayout): void {
  const { strategies } = layout.pooling;
  if (isInLayout(layout) || (strategies.length === 1 && layout.head.length === 0)) return;
  throw new OptionError(
    `${strategies.join(' and ')}${layout.head.length > 0 ? ' before Dense' : ''} has no name in a saved folder`,
    'poolingStrategy',
    `use ${STRATEGIES.join(', ')}`,
  );
}

/** What `writeSentenceTransformers` needs beside the layout. */
export interface LayoutValues {
  /** Parameters of `head`, by name. */
  tensors: ReadonlyMap<string, HostTensor>;
  maxLength: number;
  hiddenSize: number;
}

/**
 * Writes the files around an encoder in `folder`. Where the layout has no name for the pooling there are no modules, which
 * would pool otherwise: then config.json says it (`namelessKeys`).
 *
 * The compact form of 5.4 is written only for several modes in an order that flags cannot say: other readers of it
 * pooled wrongly without a word.
 *
 * @throws OptionError for a pooling that would be lost.
 */
export function writeSentenceTransformers(folder: string, layout: ModelLayout, values: LayoutValues): void {
  const { isStatic, pooling, settings } = layout;
  requireSaveable(layout);
  const write = (path: string, content: unknown) =>
    writeFileSync(join(folder, path), `${JSON.stringify(content, null, 2)}\n`);
  if (!isStatic) {
    write('sentence_bert_config.json', { max_seq_length: values.maxLength, do_lower_case: layout.lowerCase });
  }
  write(SETTINGS, {
    similarity_fn_name: 'cosine',
    ...settings,
    __version__: { sentence_transformers: '3.0.0', transformers: '4.41.0', pytorch: '2.3.0' },
  });
  if (!isInLayout(layout)) return;
  const head: HeadModule[] = layout.normalize ? [...layout.head, { type: 'Normalize' }] : [...layout.head];
  const before = isStatic ? ['StaticEmbedding'] : ['Transformer', 'Pooling'];
  const classes = [...before, ...head.map(({ type }) => type)];
  const paths = classes.map((name, idx) => (idx === 0 ? '' : `${idx}_${name}`));
  const modules = classes.map((name, idx) => {
    return { idx, name: String(idx), path: paths[idx], type: `sentence_transformers.models.${name}` };
  });
  write('modules.json', modules);
  for (const path of paths.slice(1)) mkdirSync(join(folder, path), { recursive: true });
  head.forEach((module, i) => {
    const path = join(folder, paths[before.length + i] as string);
    if (module.type === 'Dense') writeDense(path, module, values.tensors);
  });
  if (!isStatic) {
    write('1_Pooling/config.json', {
      word_embedding_dimension: values.hiddenSize,
      ...poolingModes(pooling.strategies),
      include_prompt: pooling.includePrompt,
    });
  }
}

function poolingModes(strategies: readonly PoolingStrategy[]): Record<string, unknown> {
  const modes = strategies.map((strategy) => Object.keys(STRATEGY_OF_MODE)[STRATEGIES.indexOf(strategy)]);
  const isInOrder = strategies.every((strategy, i) => {
    return i === 0 || STRATEGIES.indexOf(strategies[i - 1] as PoolingStrategy) < STRATEGIES.indexOf(strategy);
  });
  if (!isInOrder) return { pooling_mode: modes };
  return Object.fromEntries(Object.entries(MODE_OF_FLAG).map(([flag, mode]) => [flag, modes.includes(mode)]));
}

function writeDense(folder: string, dense: DenseModule, tensors: ReadonlyMap<string, HostTensor>): void {
  const config = {
    in_features: dense.inFeatures,
    out_features: dense.outFeatures,
    bias: dense.bias,
    activation_function: dense.activation,
  };
  writeFileSync(join(folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
  const own = [...tensors].filter(([name]) => name.startsWith(`${dense.name}.`));
  writeSafetensors(
    join(folder, 'model.safetensors'),
    new Map(own.map(([name, tensor]) => [name.slice(dense.name.length + 1), tensor])),
  );
}
