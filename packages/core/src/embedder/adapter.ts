/** A folder of PEFT: the configuration of a low-rank adapter, and what of PEFT is refused by name. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { z } from 'zod';

import { ModelError } from '../errors.ts';
import { readJson } from '../formats/files.ts';
import { openPytorch } from '../formats/pytorch.ts';
import { openSafetensors, type StoredTensor } from '../formats/safetensors.ts';

export const ADAPTER_CONFIG = 'adapter_config.json';

/** In the order PEFT looks for them. */
const WEIGHTS = [
  ['adapter_model.safetensors', openSafetensors],
  ['adapter_model.bin', openPytorch],
] as const;

const schema = z.looseObject({
  peft_type: z.literal('LORA'),
  base_model_name_or_path: z.string().nullish(),
  revision: z.string().nullish(),
  r: z.int().positive(),
  lora_alpha: z.number(),
  use_rslora: z.boolean().nullish(),
  rank_pattern: z.record(z.string(), z.int().positive()).nullish(),
  alpha_pattern: z.record(z.string(), z.number()).nullish(),
});

type AdapterConfig = z.output<typeof schema>;

/** Keys that the tensors themselves answer, or that have no part in a merged weight. */
const ANSWERED = new Set([
  ...['task_type', 'auto_mapping', 'peft_version', 'inference_mode', 'runtime_config', 'ensure_weight_tying'],
  ...['target_modules', 'exclude_modules', 'layers_to_transform', 'layers_pattern', 'modules_to_save'],
  ...['lora_dropout', 'fan_in_fan_out', 'bias', 'lora_bias'],
  ...['megatron_config', 'megatron_core', 'loftq_config', 'eva_config', 'corda_config', 'lora_ga_config'],
  ...['qalora_group_size', 'init_lora_weights'],
]);

/** First values after which the base's weights are as they were; others move a part of them into the adapter. */
const PLAIN_STARTS: readonly unknown[] = [true, false, null, undefined, 'gaussian', 'eva', 'orthogonal', 'mica'];

export interface Adapter {
  folder: string;
  /** The file of the weights, for errors. */
  path: string;
  config: AdapterConfig;
  tensors: ReadonlyMap<string, StoredTensor>;
  /** What it was trained on, as `fromPretrained` takes it; undefined where its configuration does not say. */
  base: string | undefined;
}

/**
 * Reads the adapter of a folder; undefined where there is none.
 *
 * @throws ModelError naming the kind of adapter, or the setting, that cannot be merged.
 */
export function readAdapter(folder: string): Adapter | undefined {
  const path = join(folder, ADAPTER_CONFIG);
  if (!existsSync(path)) return undefined;
  const raw = readJson(path);
  requirePlainLora(raw, path);
  const parsed = schema.safeParse(raw);
  if (!parsed.success) {
    const issue = parsed.error.issues[0] as z.core.$ZodIssue;
    throw new ModelError(
      `${issue.path.join('.')}: ${issue.message}`,
      path,
      'correct the value, or save the adapter anew',
    );
  }
  const weights = WEIGHTS.map(([name, open]) => ({ path: join(folder, name), open })).find((file) =>
    existsSync(file.path),
  );
  if (!weights) {
    const names = WEIGHTS.map(([name]) => name).join(' or ');
    throw new ModelError('the adapter has no weights', folder, `give a folder that holds ${names}`);
  }
  const { base_model_name_or_path: base, revision } = parsed.data;
  return {
    folder,
    path: weights.path,
    config: parsed.data,
    tensors: weights.open(weights.path),
    base: base ? (revision && !existsSync(base) ? `${base}@${revision}` : base) : undefined,
  };
}

function requirePlainLora(raw: Record<string, unknown>, path: string): void {
  const fix = 'merge it in Python (merge_and_unload) and give the merged model';
  const { peft_type: type } = raw;
  if (type !== 'LORA') throw new ModelError(`peft_type ${JSON.stringify(type)} is not supported: LORA is`, path, fix);
  if (!PLAIN_STARTS.includes(raw.init_lora_weights)) {
    const shown = JSON.stringify(raw.init_lora_weights);
    throw new ModelError(`init_lora_weights ${shown} changes the weights of the base model too`, path, fix);
  }
  const known = new Set([...ANSWERED, ...Object.keys(schema.shape)]);
  const isSet = (value: unknown) =>
    Boolean(value) && !(typeof value === 'object' && Object.keys(value as object).length === 0);
  const other = Object.entries(raw).find(([key, value]) => !known.has(key) && isSet(value));
  if (!other) return;
  const name = other[0] === 'use_dora' ? 'use_dora (DoRA)' : other[0];
  throw new ModelError(`${name} ${JSON.stringify(other[1])} is not supported`, path, fix);
}

/** alpha / r, or alpha / √r of rsLoRA, for a module; patterns are PEFT's regular expressions on the ends of its name. */
export function scaleOf({ config, folder }: Adapter, module: string, rank: number): number {
  const path = join(folder, ADAPTER_CONFIG);
  const pick = <T>(patterns: Record<string, T> | null | undefined, otherwise: T): T => {
    const key = Object.keys(patterns ?? {}).find((pattern) => pythonPattern(pattern, path).test(module));
    return key === undefined ? otherwise : ((patterns as Record<string, T>)[key] as T);
  };
  const expected = pick(config.rank_pattern, config.r);
  if (expected !== rank) {
    throw new ModelError(
      `the rank of ${module} is ${rank}, and ${expected} by r and rank_pattern`,
      path,
      'use the adapter_config.json that belongs to these weights',
    );
  }
  return pick(config.alpha_pattern, config.lora_alpha) / (config.use_rslora ? Math.sqrt(rank) : rank);
}

function pythonPattern(pattern: string, path: string): RegExp {
  try {
    return new RegExp(`^(.*\\.)?(${pattern})$`);
  } catch (cause) {
    throw new ModelError(`${JSON.stringify(pattern)} is no regular expression`, path, 'correct the pattern', { cause });
  }
}
