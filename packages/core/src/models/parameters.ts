/** Named parameters: the checkpoint's own names, one TF.js variable each. */

import * as tf from '@tensorflow/tfjs-core';

import { NAME } from '@uniem/hub/arguments';

import { MAP, requireKind } from '../arguments.ts';
import { ModelError } from '../errors.ts';
import type { HostTensor, StoredTensor } from '../formats/safetensors.ts';

/** Parameters by checkpoint name (`encoder.layer.0.attention.self.query.weight`), float32. */
export type Parameters = Map<string, tf.Variable>;

/** Reads one parameter; a missing name is a bug of the family's code, since loading checked all of them. */
export function parameter(parameters: Parameters, name: string): tf.Variable {
  const variable = parameters.get(name);
  if (!variable) throw new Error(`internal: no parameter ${name}`);
  return variable;
}

/**
 * Makes variables of a checkpoint's tensors, by the names in `shapes`. A checkpoint with a head has them under a prefix,
 * which is found by the first name; what lies outside the prefix is the head, and is left out. Parameters the forward
 * pass does not use (`optional`) are loaded where present, so that a save gives them back.
 *
 * @param family What names of a checkpoint with a head begin with, where several prefixes could be meant.
 * @param change What a parameter's values become, as by an adapter.
 * @throws ModelError naming the tensor, for a missing one or one whose shape disagrees with the config.
 */
export function loadParameters(
  tensors: ReadonlyMap<string, StoredTensor>,
  shapes: ReadonlyMap<string, number[]>,
  optional: ReadonlySet<string>,
  family: string,
  path: string,
  aliases: Readonly<Record<string, string>> = {},
  change: (name: string, values: Float32Array, shape: readonly number[]) => Float32Array = (_, values) => values,
): Parameters {
  const spellings = (name: string) => spellingsOf(name, aliases);
  const prefix = prefixOf(tensors, spellings([...shapes.keys()][0] as string), family, path);
  const found = new Map<string, string>();
  const missing: string[] = [];
  for (const name of shapes.keys()) {
    const own = spellings(name)
      .map((known) => prefix + known)
      .find((known) => tensors.has(known));
    if (own !== undefined) found.set(name, own);
    else if (!optional.has(name)) missing.push(name);
  }
  if (missing.length > 0) {
    throw new ModelError(
      `${missing.length} tensors are missing, the first is ${missing[0]}`,
      path,
      'use a checkpoint of the architecture that config.json describes',
    );
  }
  for (const [name, own] of found) {
    const [actual, expected] = [(tensors.get(own) as StoredTensor).shape, shapes.get(name) as number[]];
    if (actual.join() !== expected.join()) {
      throw new ModelError(
        `tensor ${name} has shape [${actual.join(', ')}], but config.json asks for [${expected.join(', ')}]`,
        path,
        'use the config.json that belongs to these weights',
      );
    }
  }
  reportUnexpected(tensors, prefix, new Set(found.values()), path);
  const parameters: Parameters = new Map();
  for (const [name, own] of found) {
    const shape = shapes.get(name) as number[];
    const value = tf.tensor(change(name, (tensors.get(own) as StoredTensor).read(), shape), shape, 'float32');
    parameters.set(name, tf.variable(value));
    value.dispose();
  }
  return parameters;
}

/** The names a checkpoint may have for a parameter. */
export const spellingsOf = (name: string, aliases: Readonly<Record<string, string>>): readonly string[] => [
  ...new Set([name, legacyName(name), aliases[name] ?? name]),
];

/** What stands before the family's names in this checkpoint: nothing, `bert.`, `model.encoder.` and the like. */
function prefixOf(
  tensors: ReadonlyMap<string, StoredTensor>,
  spellings: readonly string[],
  family: string,
  path: string,
): string {
  const found = [...tensors.keys()].flatMap((name) => {
    const first = spellings.find((spelling) => name === spelling || name.endsWith(`.${spelling}`));
    return first === undefined ? [] : [{ name, prefix: name.slice(0, -first.length) }];
  });
  const prefixes = [...new Set(found.map(({ prefix }) => prefix))];
  for (const known of ['', `${family}.`]) if (prefixes.includes(known)) return known;
  if (prefixes.length > 1) {
    throw new ModelError(
      `holds several encoders: ${found.map(({ name }) => name).join(', ')}`,
      path,
      `keep one of them, its names beginning with ${family}.`,
    );
  }
  return prefixes[0] ?? '';
}

/** What old versions of transformers saved beside the parameters, and what later ones compute. */
const BUFFERS = /(^|\.)(position_ids|token_type_ids|inv_freq|masked_bias|attn\.bias|attention\.bias)$/;

/** Says once on stderr what stands among the parameters and is none. */
function reportUnexpected(
  tensors: ReadonlyMap<string, StoredTensor>,
  prefix: string,
  known: ReadonlySet<string>,
  path: string,
): void {
  const unexpected = [...tensors.keys()].filter(
    (name) => name.startsWith(prefix) && !known.has(name) && !BUFFERS.test(name),
  );
  if (unexpected.length === 0) return;
  const some = unexpected.slice(0, 3).join(', ') + (unexpected.length > 3 ? ', …' : '');
  process.stderr.write(`note: ${path}: ${unexpected.length} tensors are no part of the encoder: ${some}\n`);
}

/** Checkpoints of TensorFlow origin call LayerNorm's weight and bias gamma and beta. */
function legacyName(name: string): string {
  return name.replace(/LayerNorm\.weight$/, 'LayerNorm.gamma').replace(/LayerNorm\.bias$/, 'LayerNorm.beta');
}

/** Copies the parameters to JavaScript memory, in their order. */
export async function downloadParameters(
  parameters: ReadonlyMap<string, tf.Variable>,
): Promise<Map<string, HostTensor>> {
  requireKind(parameters, MAP, 'parameters');
  const tensors = new Map<string, HostTensor>();
  for (const [name, variable] of parameters) {
    tensors.set(name, { shape: variable.shape, values: (await variable.data()) as Float32Array });
  }
  return tensors;
}

/**
 * Sets parameters to what `downloadParameters` gave.
 *
 * @throws ModelError naming the tensor that is missing or of another shape.
 */
export function assignParameters(
  parameters: ReadonlyMap<string, tf.Variable>,
  tensors: ReadonlyMap<string, StoredTensor>,
  path: string,
): void {
  requireKind(parameters, MAP, 'parameters');
  requireKind(tensors, MAP, 'tensors');
  requireKind(path, NAME, 'path');
  for (const [name, variable] of parameters) {
    const tensor = tensors.get(name);
    if (tensor?.shape.join() !== variable.shape.join()) {
      const what = `tensor ${name} is ${tensor ? `of shape [${tensor.shape.join(', ')}]` : 'missing'}`;
      throw new ModelError(
        what,
        path,
        `it must be of shape [${variable.shape.join(', ')}]: use the file of this model`,
      );
    }
    tf.tidy(() => variable.assign(tf.tensor(tensor.read(), tensor.shape, 'float32')));
  }
}
