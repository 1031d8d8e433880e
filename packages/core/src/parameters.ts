/** Named parameters: the checkpoint's own names, one TF.js variable each. */

import * as tf from '@tensorflow/tfjs';

import { ModelError } from './errors.ts';
import type { HostTensor } from './formats/safetensors.ts';

/** Parameters by checkpoint name (`encoder.layer.0.attention.self.query.weight`), float32. */
export type Parameters = Map<string, tf.Variable>;

/** Reads one parameter; a missing name is a bug of the family's code, since loading checked all of them. */
export function parameter(parameters: Parameters, name: string): tf.Variable {
  const variable = parameters.get(name);
  if (!variable) throw new Error(`internal: no parameter ${name}`);
  return variable;
}

/**
 * Makes variables of a checkpoint's tensors: the names in `shapes`, with an optional prefix in the file.
 * A tied parameter may be there under its alias alone. Parameters the forward pass does not use (`optional`) are loaded where present, so that a save gives them back.
 *
 * @throws ModelError naming the tensor, for a missing one or one whose shape disagrees with the config.
 */
export function loadParameters(
  tensors: ReadonlyMap<string, HostTensor>,
  shapes: ReadonlyMap<string, number[]>,
  optional: ReadonlySet<string>,
  prefix: string,
  path: string,
  aliases: Readonly<Record<string, string>> = {},
): Parameters {
  const find = (name: string) => {
    const names = [name, legacyName(name), aliases[name] ?? name].flatMap((one) => [one, `${prefix}.${one}`]);
    return names.map((one) => tensors.get(one)).find((tensor) => tensor !== undefined);
  };
  const missing = [...shapes.keys()].filter((name) => !find(name) && !optional.has(name));
  if (missing.length > 0) {
    throw new ModelError(
      `${missing.length} tensors are missing, the first is ${missing[0]}`,
      path,
      'use a checkpoint of the architecture that config.json describes',
    );
  }
  for (const [name, shape] of shapes) {
    const tensor = find(name);
    if (tensor && tensor.shape.join() !== shape.join()) {
      throw new ModelError(
        `tensor ${name} has shape [${tensor.shape.join(', ')}], but config.json asks for [${shape.join(', ')}]`,
        path,
        'use the config.json that belongs to these weights',
      );
    }
  }
  const parameters: Parameters = new Map();
  for (const [name, shape] of shapes) {
    const tensor = find(name);
    if (!tensor) continue;
    const value = tf.tensor(tensor.values, shape, 'float32');
    parameters.set(name, tf.variable(value));
    value.dispose();
  }
  return parameters;
}

/** Checkpoints of TensorFlow origin call LayerNorm's weight and bias gamma and beta. */
function legacyName(name: string): string {
  return name.replace(/LayerNorm\.weight$/, 'LayerNorm.gamma').replace(/LayerNorm\.bias$/, 'LayerNorm.beta');
}

/** Copies the parameters to JavaScript memory, in their order. */
export async function downloadParameters(
  parameters: ReadonlyMap<string, tf.Variable>,
): Promise<Map<string, HostTensor>> {
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
  tensors: ReadonlyMap<string, HostTensor>,
  path: string,
): void {
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
    tf.tidy(() => variable.assign(tf.tensor(tensor.values, tensor.shape, 'float32')));
  }
}
