/** Lowers a graph to TensorFlow's nodes, operation by operation. */

import type { Graph, OperationName } from '../graph.ts';
import { LOWERINGS, type Lowering } from './lowerings.ts';
import { NodeBuilder, type TensorflowGraph } from './nodes.ts';

/** Names are the graph's; what an operation takes beside its own node stands under its name. */
export function toTensorflow(graph: Graph): TensorflowGraph {
  const builder = new NodeBuilder(graph);
  for (const node of graph.nodes) {
    const { name } = node.output;
    (LOWERINGS[node.operation] as Lowering<OperationName>)(node, builder, name);
    if (builder.nodes.at(-1)?.name !== name) throw new Error(`internal: no node ${name}`);
  }
  const outputs = graph.outputs.map(({ name, value }) => {
    builder.node(name, 'Identity', [value.name], { T: { type: value.dtype } });
    return { ...value, name };
  });
  return { nodes: builder.nodes, constants: builder.constants, inputs: graph.inputs, outputs };
}
