/**
 * Writes a TF.js GraphModel: model.json, which holds the graph, and weights in shards of 4 MiB.
 *
 * Source: tfjs-converter's src/data/types.ts and tfjs-core's io/types.ts.
 */

import { closeSync, fsyncSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { type Constant, type DType, type Graph, type ReadParameter, readConstant, type Value } from '../graph.ts';
import { toFloat16 } from '../onnx/numbers.ts';
import type { GraphModelWeights } from '../options.ts';
import { toTensorflow } from './lower.ts';
import type { Attribute, TensorflowNode } from './nodes.ts';

export interface GraphModelOptions {
  weights?: GraphModelWeights;
  /** What model.json carries for whoever loads it, as `userDefinedMetadata`. */
  metadata?: Readonly<Record<string, unknown>>;
}

/** Browsers keep no larger file in their caches. */
const SHARD_BYTES = 4 * 2 ** 20;

/** An entry of the weights manifest. */
interface ManifestEntry {
  name: string;
  shape: readonly number[];
  dtype: DType;
  quantization?: { dtype: 'float16' } | { dtype: 'uint8'; min: number; scale: number };
}

/**
 * Writes model.json and its shards into a folder that exists, one weight at a time.
 *
 * @returns The names of the files.
 */
export async function writeGraphModel(
  folder: string,
  graph: Graph,
  read: ReadParameter,
  { weights = 'float32', metadata = {} }: GraphModelOptions = {},
): Promise<string[]> {
  const { nodes, constants, inputs, outputs } = toTensorflow(graph);
  const total = constants.reduce((bytes, constant) => bytes + storedBytes(constant, weights), 0);
  const shards = new ShardWriter(folder, Math.max(1, Math.ceil(total / SHARD_BYTES)));
  const entries: ManifestEntry[] = [];
  try {
    for (const constant of constants) {
      const { entry, bytes } = stored(constant, await readConstant(constant, read), weights);
      entries.push(entry);
      shards.write(bytes);
    }
  } finally {
    shards.close();
  }
  const json = {
    format: 'graph-model',
    generatedBy: 'uniem',
    convertedBy: null,
    signature: {
      inputs: Object.fromEntries(inputs.map((value) => [value.name, tensorInfo(value)])),
      outputs: Object.fromEntries(outputs.map((value) => [value.name, tensorInfo(value)])),
    },
    userDefinedMetadata: metadata,
    modelTopology: { node: nodes.map(nodeJson), library: {}, versions: { producer: PRODUCER } },
    weightsManifest: [{ paths: shards.names, weights: entries }],
  };
  writeFileSync(join(folder, 'model.json'), JSON.stringify(json), { flush: true });
  return ['model.json', ...shards.names];
}

/** The GraphDef version of TensorFlow 2.21. */
export const PRODUCER = 2129;

const DATA_TYPES: Record<DType, string> = { float32: 'DT_FLOAT', int32: 'DT_INT32', bool: 'DT_BOOL' };

function tensorInfo({ name, dtype, shape }: Value) {
  const dims = shape.map((dim) => (typeof dim === 'number' ? dim : -1));
  return { name: `${name}:0`, dtype: DATA_TYPES[dtype], tensorShape: shapeJson(dims) };
}

/** Sizes are text, as protobuf's JSON has numbers of 64 bits. */
function shapeJson(shape: readonly number[]) {
  return { dim: shape.map((size) => ({ size: String(size) })) };
}

function nodeJson({ name, op, inputs, attributes }: TensorflowNode) {
  const attr = Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, attributeJson(value)]));
  return { name, op, ...(inputs.length > 0 && { input: inputs }), attr };
}

function attributeJson(attribute: Attribute) {
  if ('type' in attribute) return { type: DATA_TYPES[attribute.type] };
  if ('int' in attribute) return { i: String(attribute.int) };
  if ('bool' in attribute) return { b: attribute.bool };
  if ('shape' in attribute) return { shape: shapeJson(attribute.shape) };
  const { dtype, shape } = attribute.constant; // the values are in the shards
  return { tensor: { dtype: DATA_TYPES[dtype], tensorShape: shapeJson(shape) } };
}

/** Weights that are stored in less: float16 all parameters, uint8 matrices and tables. */
function isQuantized({ dtype, shape, source }: Constant, weights: GraphModelWeights): boolean {
  if (dtype !== 'float32' || !('parameter' in source)) return false;
  return weights === 'float16' || (weights === 'uint8' && shape.length >= 2);
}

function storedBytes(constant: Constant, weights: GraphModelWeights): number {
  const size = constant.shape.reduce((product, dim) => product * dim, 1);
  return size * (!isQuantized(constant, weights) ? 4 : weights === 'float16' ? 2 : 1);
}

function stored(
  constant: Constant,
  values: Float32Array | Int32Array,
  weights: GraphModelWeights,
): { entry: ManifestEntry; bytes: Uint8Array } {
  const { name, shape, dtype } = constant;
  const entry = { name, shape, dtype };
  if (!(values instanceof Float32Array) || !isQuantized(constant, weights)) return { entry, bytes: bytesOf(values) };
  if (weights === 'float16') {
    return {
      entry: { ...entry, quantization: { dtype: 'float16' } },
      bytes: bytesOf(toFloat16(values, name, 'use --weights float32')),
    };
  }
  const { bytes, min, scale } = toUint8(values);
  return { entry: { ...entry, quantization: { dtype: 'uint8', min, scale } }, bytes };
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Int32Array | Uint16Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** q·scale + min ≈ values, where the least and the greatest are kept. */
function toUint8(values: Float32Array): { bytes: Uint8Array; min: number; scale: number } {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const scale = max > min ? (max - min) / 255 : 1;
  return { bytes: Uint8Array.from(values, (value) => Math.round((value - min) / scale)), min, scale };
}

/** Bytes one after the other, in files of 4 MiB of which only the last is shorter. */
class ShardWriter {
  readonly names: readonly string[];
  readonly #folder: string;
  #next = 0;
  #file: number | undefined;
  #room = 0;

  constructor(folder: string, count: number) {
    this.#folder = folder;
    this.names = Array.from({ length: count }, (_, i) => `group1-shard${i + 1}of${count}.bin`);
  }

  write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      if (this.#room === 0) this.#open();
      const length = Math.min(this.#room, bytes.length - done);
      const written = writeSync(this.#file as number, bytes, done, length);
      done += written;
      this.#room -= written;
    }
  }

  close(): void {
    if (this.#file === undefined) return;
    const file = this.#file;
    this.#file = undefined;
    try {
      fsyncSync(file); // may tell of a full disk
    } finally {
      closeSync(file);
    }
  }

  #open(): void {
    this.close();
    const name = this.names[this.#next++];
    if (name === undefined) throw new Error('internal: more bytes than reckoned');
    this.#file = openSync(join(this.#folder, name), 'w');
    this.#room = SHARD_BYTES;
  }
}
