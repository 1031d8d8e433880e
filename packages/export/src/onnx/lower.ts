/** A graph as an ONNX model: names, number formats, and the shapes by which a runtime fuses what belongs together. */

import type { Graph, NodeOf, OperationName, ReadParameter, Value } from '../graph.ts';
import { Emitter, type OnnxPrecision } from './emitter.ts';
import { ELEMENT, type OnnxModel, type OnnxValue } from './model.ts';
import { LOWERINGS } from './operations.ts';
import { smoothingScales } from './smoothing.ts';

/** @param read Called for each weight when the model is written. */
export async function toOnnx(
  graph: Graph,
  precision: OnnxPrecision,
  read: ReadParameter,
  metadata: Readonly<Record<string, string>> = {},
): Promise<OnnxModel> {
  const isQuantized = precision === 'int8' || precision === 'int7';
  const scales = isQuantized ? await smoothingScales(graph, read) : new Map<Value, Float32Array>();
  const emitter = new Emitter(graph, precision, read, scales);
  const values: OnnxValue[] = [];
  for (const node of graph.nodes) {
    const element = emitter.elementOf(node.output.dtype, node.precise);
    (LOWERINGS[node.operation] as (emitter: Emitter, node: NodeOf<OperationName>) => void)(emitter, node);
    emitter.declare(node.output, element);
    if (isHiddenState(node.output)) values.push({ name: node.output.name, element, shape: node.output.shape });
  }
  const outputs = graph.outputs.map(({ name, value }) => {
    emitter.emit(...asOutput(emitter, name, value));
    return { name, element: 'float32' as const, shape: value.shape };
  });
  const inputs = graph.inputs.map(({ name, shape }) => ({ name, element: 'int64' as const, shape }));
  return { nodes: emitter.nodes, initializers: emitter.initializers, inputs, outputs, values, metadata };
}

/** The name that readers ask for, in float32. */
function asOutput(emitter: Emitter, name: string, value: Value): Parameters<Emitter['emit']> {
  if (emitter.declared(value) === 'float32') return ['Identity', name, [value.name]];
  return ['Cast', name, [value.name], { to: ELEMENT.float32 }];
}

/**
 * Of [batch, sequence, values]: onnxruntime fuses a residual, a bias and a norm where it knows that shapes are the same, and
 * does not find it out through what depends on the mask.
 */
function isHiddenState({ dtype, shape }: Value): boolean {
  return dtype === 'float32' && shape.length === 3 && shape[0] === 'batch' && shape[1] === 'sequence';
}
