/** An ONNX model in memory, without its weights, and how it is written to disk. Source: onnx/onnx.proto, IR version 8. */

import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import type { Dim } from '../graph.ts';
import { Message } from './protobuf.ts';

/** TensorProto.DataType. */
export const ELEMENT = { float32: 1, uint8: 2, int8: 3, int64: 7, bool: 9, float16: 10 } as const;

export type Element = keyof typeof ELEMENT;

const ELEMENT_BYTES: Record<Element, number> = { float32: 4, uint8: 1, int8: 1, int64: 8, bool: 1, float16: 2 };

export interface OnnxNode {
  operation: string;
  name: string;
  inputs: readonly string[];
  outputs: readonly string[];
  attributes: Readonly<Record<string, Attribute>>;
}

/** A number with a fraction is written as such: `{ float: 1 }`. */
export type Attribute = number | readonly number[] | { float: number };

export interface OnnxValue {
  name: string;
  element: Element;
  shape: readonly Dim[];
}

/** Weights, read when they are written. */
export interface Initializer {
  name: string;
  element: Element;
  shape: readonly number[];
  /** Little endian, row-major. */
  read(): Promise<Uint8Array>;
}

export interface OnnxModel {
  nodes: readonly OnnxNode[];
  initializers: readonly Initializer[];
  inputs: readonly OnnxValue[];
  outputs: readonly OnnxValue[];
  /** Shapes of values between nodes, by which a runtime knows what it may fuse. */
  values: readonly OnnxValue[];
  metadata: Readonly<Record<string, string>>;
}

const IR_VERSION = 8;
const OPSET = 18;

/** A protobuf message holds less than 2 GiB; what surrounds the weights has room in the rest. */
const MAX_MODEL_BYTES = 2 ** 31 - 2 ** 26;

/** Where a weight begins in a file of its own: a multiple of this many bytes, so that a reader may map it. */
const ALIGNMENT = 4096;

/** Names of symbolic lengths, as Optimum's exports have them. */
const DIM_NAMES: Record<string, string> = { batch: 'batch_size', sequence: 'sequence_length' };

/** Shapes, axes and the like are read from the model itself. */
const MIN_EXTERNAL_BYTES = 1024;

export const bytesOf = ({ element, shape }: Pick<Initializer, 'element' | 'shape'>): number =>
  shape.reduce((product, dim) => product * dim, ELEMENT_BYTES[element]);

/**
 * Writes the model to `path`, one weight at a time; weights of 2 GiB and more go to a file beside it, `path`_data.
 *
 * @param limit Bytes of a model in one file.
 * @returns Whether there are two files.
 */
export async function writeOnnx(path: string, model: OnnxModel, limit = MAX_MODEL_BYTES): Promise<boolean> {
  const total = model.initializers.reduce((sum, initializer) => sum + bytesOf(initializer), 0);
  const isExternal = total > limit;
  const external = isExternal ? `${basename(path)}_data` : undefined;
  let offset = 0;
  const heads = model.initializers.map((initializer) => {
    const length = bytesOf(initializer);
    const head = tensorProto(initializer);
    if (external === undefined || length < MIN_EXTERNAL_BYTES) {
      head.head(9, length); // raw_data, whose bytes follow
      return { initializer, head, length, offset: undefined };
    }
    const place = { location: external, offset: String(offset), length: String(length) };
    for (const [key, value] of Object.entries(place)) head.message(13, new Message().string(1, key).string(2, value));
    head.int(14, 1); // data_location EXTERNAL
    const start = offset;
    offset = Math.ceil((offset + length) / ALIGNMENT) * ALIGNMENT;
    return { initializer, head, length: 0, offset: start };
  });
  const graph = graphProto(model);
  const around = heads.map(({ head, length }) => new Message().head(5, head.length + length));
  const graphLength = heads.reduce(
    (sum, { head, length }, i) => sum + (around[i] as Message).length + head.length + length,
    graph.length,
  );
  const file = openSync(path, 'w');
  const data = external === undefined ? undefined : openSync(join(dirname(path), external), 'w');
  try {
    writeAll(file, modelProto(model.metadata).head(7, graphLength).toBytes());
    writeAll(file, graph.toBytes());
    for (const [i, { initializer, head, offset: start }] of heads.entries()) {
      writeAll(file, (around[i] as Message).toBytes());
      writeAll(file, head.toBytes());
      const bytes = await initializer.read();
      if (bytes.length !== bytesOf(initializer))
        throw new Error(`internal: ${initializer.name} of ${bytes.length} bytes`);
      if (data === undefined || start === undefined) writeAll(file, bytes);
      else writeAll(data, bytes, start);
    }
    for (const open of [file, ...(data === undefined ? [] : [data])]) fsyncSync(open); // may tell of a full disk
  } finally {
    closeSync(file);
    if (data !== undefined) closeSync(data);
  }
  return isExternal;
}

function writeAll(file: number, bytes: Uint8Array, position?: number): void {
  for (let done = 0; done < bytes.length; ) {
    const length = Math.min(bytes.length - done, 2 ** 30); // a call writes 2 GiB at most
    done += writeSync(file, bytes, done, length, position === undefined ? null : position + done);
  }
}

function modelProto(metadata: Readonly<Record<string, string>>): Message {
  const message = new Message().int(1, IR_VERSION).string(2, 'uniem');
  message.message(8, new Message().string(1, '').int(2, OPSET));
  for (const [key, value] of Object.entries(metadata)) {
    message.message(14, new Message().string(1, key).string(2, value));
  }
  return message;
}

/** All of a graph but its initializers. */
function graphProto({ nodes, inputs, outputs, values }: OnnxModel): Message {
  const message = new Message();
  for (const node of nodes) message.message(1, nodeProto(node));
  message.string(2, 'uniem');
  for (const input of inputs) message.message(11, valueProto(input));
  for (const output of outputs) message.message(12, valueProto(output));
  for (const value of values) message.message(13, valueProto(value));
  return message;
}

function nodeProto({ operation, name, inputs, outputs, attributes }: OnnxNode): Message {
  const message = new Message();
  for (const input of inputs) message.string(1, input);
  for (const output of outputs) message.string(2, output);
  message.string(3, name).string(4, operation);
  for (const [key, value] of Object.entries(attributes)) message.message(5, attributeProto(key, value));
  return message;
}

function attributeProto(name: string, value: Attribute): Message {
  const message = new Message().string(1, name);
  if (typeof value === 'number') return message.int(3, value).int(20, 2);
  if ('float' in value) return message.float(2, value.float).int(20, 1);
  for (const each of value) message.int(8, each);
  return message.int(20, 7);
}

function valueProto({ name, element, shape }: OnnxValue): Message {
  const dims = new Message();
  for (const dim of shape) {
    dims.message(
      1,
      typeof dim === 'number' ? new Message().int(1, dim) : new Message().string(2, DIM_NAMES[dim] ?? dim),
    );
  }
  const tensor = new Message().int(1, ELEMENT[element]).message(2, dims);
  return new Message().string(1, name).message(2, new Message().message(1, tensor));
}

/** A weight without its values. */
function tensorProto({ name, element, shape }: Initializer): Message {
  const message = new Message();
  for (const dim of shape) message.int(1, dim);
  return message.int(2, ELEMENT[element]).string(8, name);
}
