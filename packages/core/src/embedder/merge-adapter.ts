/** An adapter's tensors by the parameters that they change: merging is W + s·B·A. I inputs, O outputs, R rank. */

import { ModelError } from '../errors.ts';
import type { StoredTensor } from '../formats/safetensors.ts';
import { isByColumns } from '../models/layers.ts';
import { type Adapter, scaleOf } from './adapter.ts';

/** What becomes of a parameter's values when it is loaded. */
export type Change = (name: string, values: Float32Array, shape: readonly number[]) => Float32Array;

/** The tensors of one module. */
interface Parts {
  down?: StoredTensor; // A, [R, I]
  up?: StoredTensor; // B, [O, R]
  upBias?: StoredTensor; // [O]
  /** Of a table of embeddings: A [R, rows] and B [columns, R]. */
  isTable?: boolean;
}

const PART: readonly [pattern: RegExp, part: 'down' | 'up' | 'upBias', isTable: boolean][] = [
  [/\.lora_A\.weight$/, 'down', false],
  [/\.lora_B\.weight$/, 'up', false],
  [/\.lora_B\.bias$/, 'upBias', false],
  [/\.lora_embedding_A$/, 'down', true],
  [/\.lora_embedding_B$/, 'up', true],
];

/**
 * What the adapter does to each of the encoder's parameters. Tensors of a head (`classifier`, `lm_head`) are named on
 * stderr: the head is no part of an encoder.
 *
 * @param names Of the encoder's parameters; `spellings` gives the other names a checkpoint may have for one.
 * @throws ModelError for a tensor that would be lost.
 */
export function adapterChange(
  adapter: Adapter,
  names: Iterable<string>,
  spellings: (name: string) => readonly string[],
): Change {
  const parameters = new Map([...names].flatMap((name) => spellings(name).map((known) => [known, name] as const)));
  const parameterOf = (name: string): string | undefined => {
    for (let rest = name; ; rest = rest.slice(rest.indexOf('.') + 1)) {
      if (parameters.has(rest)) return parameters.get(rest);
      if (!rest.includes('.')) return undefined;
    }
  };
  const low = new Map<string, { module: string; parts: Parts }>();
  const whole = new Map<string, StoredTensor>(); // trained as they are: biases, modules_to_save
  const heads: string[] = [];
  for (const [key, tensor] of adapter.tensors) {
    if (key.includes('.original_module.')) continue; // what modules_to_save has taken the place of
    const name = key.replace(/^base_model\.model\./, '').replace(/\.(base_layer|modules_to_save)\./, '.');
    const found = PART.find(([pattern]) => pattern.test(name));
    const module = found ? name.replace(found[0], '') : name;
    const parameter = parameterOf(found ? `${module}.weight` : name);
    if (parameter === undefined) {
      if (/\.\d+\.|lora_|trainable_tokens/.test(module)) throw unknown(adapter, key);
      heads.push(key);
    } else if (found) {
      const own = low.get(parameter) ?? { module, parts: {} };
      low.set(parameter, own);
      own.parts[found[1]] = tensor;
      own.parts.isTable = found[2];
    } else whole.set(parameter, tensor);
  }
  if (low.size + whole.size === 0) throw unknown(adapter, heads[0] ?? 'nothing');
  if (heads.length > 0) {
    const some = heads.slice(0, 3).join(', ') + (heads.length > 3 ? ', …' : '');
    process.stderr.write(`note: ${adapter.path}: ${heads.length} tensors are no part of the encoder: ${some}\n`);
  }
  for (const [name, { module, parts }] of low) requireWhole(adapter, module, parts, parameters, name);
  return (name, values, shape) => {
    const saved = whole.get(name);
    if (saved) requireShape(adapter, name, saved.shape, shape);
    const own = saved ? saved.read() : values;
    const weight = low.get(name);
    if (weight) return merged(adapter, name, own, shape, weight);
    const biased = name.endsWith('.bias') ? low.get(name.replace(/bias$/, 'weight')) : undefined;
    return biased?.parts.upBias ? plusBias(adapter, biased, own) : own;
  };
}

function unknown({ path }: Adapter, tensor: string): ModelError {
  const fix = 'give the model that the adapter was trained on as baseModel (--base-model)';
  return new ModelError(`${tensor} changes nothing that the base model has`, path, fix);
}

/** @throws ModelError for a half of an adapter, and for a bias that the layer has no place for. */
function requireWhole(
  { path }: Adapter,
  module: string,
  { down, up, upBias }: Parts,
  parameters: ReadonlyMap<string, string>,
  name: string,
): void {
  if (!down || !up) throw new ModelError(`${module} has no ${down ? 'B' : 'A'}`, path, 'save the adapter anew');
  if (upBias && !parameters.has(name.replace(/weight$/, 'bias'))) {
    throw new ModelError(`lora_bias: ${module} has no bias to add it to`, path, 'train the adapter without lora_bias');
  }
}

function requireShape({ path }: Adapter, name: string, actual: readonly number[], expected: readonly number[]): void {
  if (actual.join() === expected.join()) return;
  throw new ModelError(
    `${name} has shape [${actual.join(', ')}], and [${expected.join(', ')}] in the base model`,
    path,
    'give the model that the adapter was trained on as baseModel (--base-model)',
  );
}

/** In float64, rounded once. */
function merged(
  adapter: Adapter,
  name: string,
  values: Float32Array,
  shape: readonly number[],
  { module, parts }: { module: string; parts: Parts },
): Float32Array {
  const [down, up] = [parts.down as StoredTensor, parts.up as StoredTensor];
  const [R, I] = down.shape as [number, number];
  const [O] = up.shape as [number];
  const isTurned = parts.isTable || isByColumns(name); // [I, O], as a table's [rows, columns]
  requireShape(adapter, name, isTurned ? [I, O] : [O, I], shape);
  const scale = scaleOf(adapter, module, R);
  const [a, b] = [down.read(), up.read()];
  const result = new Float32Array(values.length);
  const row = new Float64Array(I);
  for (let o = 0; o < O; o++) {
    row.fill(0);
    for (let r = 0; r < R; r++) {
      const factor = b[o * R + r] as number;
      for (let i = 0; i < I; i++) row[i] = (row[i] as number) + factor * (a[r * I + i] as number);
    }
    for (let i = 0; i < I; i++) {
      const at = isTurned ? i * O + o : o * I + i;
      result[at] = (values[at] as number) + scale * (row[i] as number);
    }
  }
  return result;
}

function plusBias(adapter: Adapter, { module, parts }: { module: string; parts: Parts }, values: Float32Array) {
  const scale = scaleOf(adapter, module, (parts.down as StoredTensor).shape[0] as number);
  const bias = (parts.upBias as StoredTensor).read();
  return values.map((value, i) => value + scale * (bias[i] as number));
}
