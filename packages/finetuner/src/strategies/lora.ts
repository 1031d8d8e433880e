/**
 * LoRA: a frozen dense layer's output plus (alpha / rank)·(x·Aᵀ)·Bᵀ, where only A and B train.
 * Source: arXiv 2106.09685; names and first values as PEFT's.
 */

import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import * as tf from '@tensorflow/tfjs-core';
import {
  adapterNames,
  downloadParameters,
  type Embedder,
  isByColumns,
  OptionError,
  type Parameters,
  writeFolderWhole,
  writeSafetensors,
} from '@uniem/core';
import { Pcg64 } from '@uniem/data';

import type { ResolvedFinetuneOptions } from '../options.ts';
import type { Strategy } from './strategy.ts';

/** Query and value projections under the families' names: what PEFT adapts where nobody says otherwise. */
const TARGETS = [
  'query',
  'value',
  'q_proj',
  'v_proj',
  'q_lin',
  'v_lin',
  'attn.q',
  'attn.v',
  'SelfAttention.q',
  'SelfAttention.v',
];

/** One weight computes query, key and value. */
const JOINT_TARGETS = ['c_attn', 'Wqkv', 'query_key_value'];

const ADAPTER_CONFIG = 'adapter_config.json';

type LoraOptions = Pick<ResolvedFinetuneOptions, 'loraRank' | 'loraAlpha' | 'loraTargets' | 'saveAdapter' | 'seed'>;

/** @throws OptionError where no layer has the name of a target. */
export function lora(embedder: Embedder, options: LoraOptions): Strategy {
  const { parameters } = embedder;
  if (options.saveAdapter) requireOpenable(embedder);
  const { loraRank: rank, loraAlpha: alpha = 2 * rank, loraTargets, saveAdapter, seed } = options;
  const names = loraTargets.length > 0 ? targetsOf(parameters, loraTargets) : defaultTargets(parameters);
  const scale = alpha / rank;
  const variables: Parameters = new Map();
  const random = new Pcg64(seed);
  for (const name of names) {
    const [outputs, inputs] = sizesOf(parameters, name);
    const bound = 1 / Math.sqrt(inputs); // torch's kaiming_uniform_ with a = √5
    const down = Float32Array.from({ length: rank * inputs }, () => (2 * random.random() - 1) * bound);
    const adapter = adapterNames(name);
    variables.set(adapter.down, variable(down, [rank, inputs]));
    variables.set(adapter.up, variable(new Float32Array(outputs * rank), [outputs, rank]));
    parameters.set(adapter.scale, variable(Float32Array.of(scale), [], false));
  }
  for (const [name, adapter] of variables) parameters.set(name, adapter);

  return {
    variables,
    prefix: '',
    ...(saveAdapter ? { save: (folder) => writeAdapter(folder, embedder, variables, names, rank, alpha) } : {}),
    finish() {
      for (const name of names) merge(parameters, name, scale);
      remove(parameters, names);
    },
    undo: () => remove(parameters, names),
  };
}

function remove(parameters: Parameters, names: readonly string[]): void {
  for (const own of names.flatMap((name) => Object.values(adapterNames(name)))) {
    parameters.get(own)?.dispose();
    parameters.delete(own);
  }
}

function variable(values: Float32Array, shape: number[], trainable = true): tf.Variable {
  return tf.tidy(() => tf.variable(tf.tensor(values, shape, 'float32'), trainable));
}

function defaultTargets(parameters: Parameters): string[] {
  const found = layersOf(parameters, TARGETS);
  return found.length > 0 ? found : targetsOf(parameters, JOINT_TARGETS);
}

function targetsOf(parameters: Parameters, targets: readonly string[]): string[] {
  const found = layersOf(parameters, targets);
  if (found.length > 0) return found;
  const dense = [...parameters].filter(([name, { shape }]) => name.endsWith('.weight') && shape.length === 2);
  const ends = new Set(
    dense.map(([name]) =>
      name
        .replace(/\.weight$/, '')
        .split('.')
        .at(-1),
    ),
  );
  throw new OptionError(
    `no layer is called ${targets.join(' or ')}`,
    'loraTargets',
    `use ends of these names: ${[...ends].join(', ')}`,
  );
}

function layersOf(parameters: Parameters, targets: readonly string[]): string[] {
  return [...parameters]
    .filter(([name, { shape }]) => name.endsWith('.weight') && shape.length === 2)
    .map(([name]) => name.replace(/\.weight$/, ''))
    .filter((name) => targets.some((target) => `.${name}`.endsWith(`.${target}`)));
}

function sizesOf(parameters: Parameters, name: string): [outputs: number, inputs: number] {
  const [first, second] = (parameters.get(`${name}.weight`) as tf.Variable).shape as [number, number];
  return isByColumns(name) ? [second, first] : [first, second];
}

function merge(parameters: Parameters, name: string, scale: number): void {
  const weight = parameters.get(`${name}.weight`) as tf.Variable;
  const { down, up } = adapterNames(name);
  tf.tidy(() => {
    const [A, B] = [parameters.get(down), parameters.get(up)] as [tf.Tensor2D, tf.Tensor2D];
    const change = isByColumns(name) ? tf.matMul(A, B, true, true) : tf.matMul(B, A);
    weight.assign(tf.add(weight, tf.mul(change, scale)));
  });
}

/**
 * The layout of PEFT, adapter_config.json and adapter_model.safetensors, with the tokenizer and the modules that stand
 * around the encoder in sentence-transformers' layout: both open the folder, and so does `Embedder.fromPretrained`.
 */
async function writeAdapter(
  folder: string,
  embedder: Embedder,
  variables: Parameters,
  names: readonly string[],
  rank: number,
  alpha: number,
): Promise<void> {
  const tensors = await downloadParameters(variables);
  await writeFolderWhole(
    folder,
    async (partial) => {
      await embedder.saveSurroundings(partial);
      writeSafetensors(
        join(partial, 'adapter_model.safetensors'),
        new Map([...tensors].map(([name, tensor]) => [`base_model.model.${name}`, tensor])),
      );
      const config = {
        peft_type: 'LORA',
        task_type: 'FEATURE_EXTRACTION',
        ...baseOf(embedder),
        inference_mode: true,
        r: rank,
        lora_alpha: alpha,
        lora_dropout: 0,
        bias: 'none',
        fan_in_fan_out: names.some(isByColumns),
        target_modules: [...names],
      };
      writeFileSync(join(partial, ADAPTER_CONFIG), `${JSON.stringify(config, null, 2)}\n`);
    },
    [ADAPTER_CONFIG],
  );
}

/** The model of the hub that was trained, or the folder's whole path: a relative one would be another's elsewhere. */
function baseOf({ origin, folder }: Embedder): { base_model_name_or_path: string; revision: string | null } {
  if (origin.name === origin.folder) return { base_model_name_or_path: resolve(folder), revision: null };
  const [name = '', revision = null] = origin.name.split('@');
  return { base_model_name_or_path: name, revision };
}

/** @throws OptionError where the adapter could not be opened again: it changes weights that no folder holds. */
function requireOpenable({ origin, config, poolingStrategy, opensInSentenceTransformers }: Embedder): void {
  if (origin.base) {
    throw new OptionError(
      `${origin.name} is an adapter itself, merged into ${origin.base.name}: no folder holds what the new one changes`,
      'saveAdapter',
      'save the merged model with Embedder.save and train from its folder, or leave saveAdapter out',
    );
  }
  if (opensInSentenceTransformers || config.poolingStrategy === poolingStrategy) return; // the base's config.json says it
  throw new OptionError(
    'the pooling has no name in the layout of a saved adapter',
    'saveAdapter',
    'use another poolingStrategy, or leave saveAdapter out',
  );
}
