/**
 * Writes TensorFlow's SavedModel: saved_model.pb with the weights as constants in its graph, and one signature.
 *
 * Source: tensorflow/core/protobuf/saved_model.proto, meta_graph.proto, framework/graph.proto and what they name.
 */

import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ModelError } from '@uniem/core';

import { type Constant, type DType, type Graph, type ReadParameter, readConstant, type Value } from '../graph.ts';
import { Message } from '../onnx/protobuf.ts';
import { PRODUCER } from './graph-model.ts';
import { toTensorflow } from './lower.ts';
import type { Attribute, TensorflowGraph, TensorflowNode } from './nodes.ts';

/** A protobuf message holds less than 2 GiB. */
const MAX_BYTES = 2 ** 31 - 1;

/** DataType of types.proto. */
const DATA_TYPES: Record<DType, number> = { float32: 1, int32: 3, bool: 10 };

/** A piece of the file: bytes, or a constant's values, which are read when they are written. */
type Piece = Uint8Array | Constant;

/**
 * Writes saved_model.pb, and the folder `variables` that readers look for, into a folder that exists.
 *
 * @param limit Bytes of the file.
 * @throws ModelError for a model whose file would be larger than a reader takes.
 */
export async function writeSavedModel(
  folder: string,
  graph: Graph,
  read: ReadParameter,
  limit = MAX_BYTES,
): Promise<void> {
  const lowered = toTensorflow(graph);
  const graphDef = graphDefPieces(lowered);
  const graphBytes = sum(graphDef.map(lengthOf));
  const around = metaGraph(lowered, graphBytes);
  const meta = around.before.length + graphBytes + around.after.length;
  const head = new Message().int(1, 1).head(2, meta); // saved_model_schema_version, meta_graphs
  const total = head.length + meta;
  if (total > limit) {
    throw new ModelError(
      `${total} bytes, where a saved_model.pb holds ${limit}`,
      'saved-model',
      'use --format onnx, which keeps large weights in a file of their own',
    );
  }
  mkdirSync(join(folder, 'variables'));
  const file = openSync(join(folder, 'saved_model.pb'), 'w');
  try {
    for (const piece of [head.toBytes(), around.before, ...graphDef, around.after]) {
      writeAll(file, piece instanceof Uint8Array ? piece : await valuesOf(piece, read));
    }
    fsyncSync(file); // may tell of a full disk
  } finally {
    closeSync(file);
  }
}

async function valuesOf(constant: Constant, read: ReadParameter): Promise<Uint8Array> {
  const { buffer, byteOffset, byteLength } = await readConstant(constant, read);
  if (byteLength !== lengthOf(constant)) throw new Error(`internal: ${constant.name} of ${byteLength} bytes`);
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function lengthOf(piece: Piece): number {
  return piece instanceof Uint8Array ? piece.length : piece.shape.reduce((product, dim) => product * dim, 4);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** A MetaGraphDef but for its graph_def. */
function metaGraph(
  { inputs, outputs }: TensorflowGraph,
  graphBytes: number,
): { before: Uint8Array; after: Uint8Array } {
  const info = new Message().string(4, 'serve').string(5, '2.21.0'); // tags, tensorflow_version
  const before = new Message().message(1, info).head(2, graphBytes);
  const signature = new Message();
  for (const [field, values] of [
    [1, inputs],
    [2, outputs],
  ] as const) {
    for (const value of values) signature.message(field, entry(value.name, tensorInfo(value)));
  }
  signature.string(3, 'tensorflow/serving/predict');
  const after = new Message().message(5, entry('serving_default', signature));
  return { before: before.toBytes(), after: after.toBytes() };
}

/** An entry of a map. */
function entry(key: string, value: Message): Message {
  return new Message().string(1, key).message(2, value);
}

function tensorInfo({ name, dtype, shape }: Value): Message {
  const dims = shape.map((dim) => (typeof dim === 'number' ? dim : -1));
  return new Message().string(1, `${name}:0`).int(2, DATA_TYPES[dtype]).message(3, shapeProto(dims));
}

function shapeProto(dims: readonly number[]): Message {
  const message = new Message();
  for (const size of dims) message.message(2, new Message().int(1, size));
  return message;
}

/** A GraphDef; each constant's values are a piece of their own. */
function graphDefPieces({ nodes }: TensorflowGraph): Piece[] {
  const pieces: Piece[] = [];
  for (const node of nodes) {
    const { value } = node.attributes;
    if (value === undefined || !('constant' in value)) {
      pieces.push(new Message().message(1, nodeDef(node)).toBytes());
      continue;
    }
    const { constant } = value;
    const bytes = lengthOf(constant);
    // From the inside out: TensorProto, AttrValue, the map's entry, NodeDef.
    const tensor = new Message()
      .int(1, DATA_TYPES[constant.dtype])
      .message(2, shapeProto(constant.shape))
      .head(4, bytes);
    const attribute = new Message().head(8, tensor.length + bytes);
    const inEntry = new Message().string(1, 'value').head(2, attribute.length + tensor.length + bytes);
    const length = inEntry.length + attribute.length + tensor.length + bytes;
    const definition = nodeDef({ ...node, attributes: { dtype: { type: constant.dtype } } }).head(5, length);
    const head = new Message().head(1, definition.length + length);
    pieces.push(Buffer.concat([head, definition, inEntry, attribute, tensor].map((part) => part.toBytes())), constant);
  }
  pieces.push(new Message().message(4, new Message().int(1, PRODUCER)).toBytes()); // versions
  return pieces;
}

function nodeDef({ name, op, inputs, attributes }: TensorflowNode): Message {
  const message = new Message().string(1, name).string(2, op);
  for (const input of inputs) message.string(3, input);
  for (const [key, value] of Object.entries(attributes)) message.message(5, entry(key, attrValue(value)));
  return message;
}

function attrValue(attribute: Attribute): Message {
  if ('type' in attribute) return new Message().int(6, DATA_TYPES[attribute.type]);
  if ('int' in attribute) return new Message().int(3, attribute.int);
  if ('bool' in attribute) return new Message().int(5, attribute.bool ? 1 : 0);
  if ('shape' in attribute) return new Message().message(7, shapeProto(attribute.shape));
  throw new Error('internal: a constant within a node');
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(file, bytes, done, Math.min(bytes.length - done, 2 ** 30)); // a call writes 2 GiB at most
  }
}
