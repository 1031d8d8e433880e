/** How each operation of the graph is written in ONNX's, opset 18. */

import type { NodeOf, OperationName, Value } from '../graph.ts';
import type { Emitter } from './emitter.ts';
import { ELEMENT } from './model.ts';

/** Emits what makes the node's output, under its name. */
type Lowering<O extends OperationName> = (emitter: Emitter, node: NodeOf<O>) => void;

const operands = (emitter: Emitter, { inputs, precise }: NodeOf<OperationName>): string[] =>
  inputs.map((input) => emitter.operand(input, precise));

/** An operation of the same meaning, whatever its name. */
function plain<O extends OperationName>(operation: string): Lowering<O> {
  return (emitter, node) => {
    emitter.emit(operation, node.output.name, operands(emitter, node));
  };
}

function reduce(operation: string): Lowering<'ReduceSum' | 'ReduceMean' | 'ReduceMax'> {
  return (emitter, node) => {
    const { axis, keepDims } = node.attributes;
    const inputs = [...operands(emitter, node), emitter.integers([axis])];
    emitter.emit(operation, node.output.name, inputs, { keepdims: keepDims ? 1 : 0 });
  };
}

const quantizes = ({ precision }: Emitter) => precision === 'int8' || precision === 'int7';

/** Tables of fewer rows are not worth a scale a row. */
const MIN_QUANTIZED_ROWS = 256;

const INT32_MAX = 2 ** 31 - 1;

export const LOWERINGS: { [O in OperationName]: Lowering<O> } = {
  Add: plain('Add'),
  Sub: plain('Sub'),
  Mul: plain('Mul'),
  Div: plain('Div'),
  Maximum: plain('Max'),
  Minimum: plain('Min'),
  Abs: plain('Abs'),
  Sqrt: plain('Sqrt'),
  Erf: plain('Erf'),
  Tanh: plain('Tanh'),
  Sigmoid: plain('Sigmoid'),
  Relu: plain('Relu'),
  Cos: plain('Cos'),
  Sin: plain('Sin'),
  Equal: plain('Equal'),
  Less: plain('Less'),
  LessEqual: plain('LessOrEqual'),
  Where: plain('Where'),

  MatMul: (emitter, node) => {
    const weight = node.inputs[1] as Value;
    const isQuantized = quantizes(emitter) && !node.precise && emitter.isWeight(weight) && weight.shape.length === 2;
    if (isQuantized) quantizedMatMul(emitter, node);
    else plain('MatMul')(emitter, node);
  },
  Softmax: (emitter, node) => {
    emitter.emit('Softmax', node.output.name, operands(emitter, node), { axis: -1 });
  },
  LayerNormalization: (emitter, node) => {
    const attributes = { axis: -1, epsilon: { float: node.attributes.epsilon } };
    emitter.emit('LayerNormalization', node.output.name, operands(emitter, node), attributes);
  },
  ReduceSum: reduce('ReduceSum'),
  ReduceMean: reduce('ReduceMean'),
  ReduceMax: reduce('ReduceMax'),
  CumSum: (emitter, node) => {
    const inputs = [...operands(emitter, node), emitter.integers([node.attributes.axis], [])];
    emitter.emit('CumSum', node.output.name, inputs);
  },
  Range: (emitter, node) => {
    const { name } = node.output;
    const [of] = operands(emitter, node);
    const shape = emitter.emit('Shape', emitter.fresh(`${name}/Shape`), [of as string], { start: 1, end: 2 });
    const limit = emitter.emit('Squeeze', emitter.fresh(`${name}/Squeeze`), [shape, emitter.integers([0])]);
    emitter.emit('Range', name, [emitter.integers([0], []), limit, emitter.integers([1], [])]);
  },
  Cast: (emitter, node) => {
    const [value] = node.inputs as [Value];
    const element = emitter.elementOf(node.attributes.to, node.precise);
    emitter.emit('Cast', node.output.name, [value.name], { to: ELEMENT[element] });
  },
  Reshape: (emitter, node) => {
    const { shape } = node.attributes; // a 0 copies the operand's axis, so no length has to be computed
    const target = emitter.integers(shape.map((dim) => (typeof dim === 'number' ? dim : 0)));
    emitter.emit('Reshape', node.output.name, [...operands(emitter, node), target]);
  },
  Unsqueeze: (emitter, node) => {
    const inputs = [...operands(emitter, node), emitter.integers(node.attributes.axes)];
    emitter.emit('Unsqueeze', node.output.name, inputs);
  },
  Transpose: (emitter, node) => {
    emitter.emit('Transpose', node.output.name, operands(emitter, node), { perm: node.attributes.permutation });
  },
  Gather: (emitter, node) => {
    const [table, indices] = node.inputs as [Value, Value];
    const isTable = emitter.isWeight(table) && table.shape.length === 2 && Number(table.shape[0]) >= MIN_QUANTIZED_ROWS;
    if (quantizes(emitter) && !node.precise && isTable) quantizedGather(emitter, node, indices);
    else emitter.emit('Gather', node.output.name, operands(emitter, node), { axis: node.attributes.axis });
  },
  Concat: (emitter, node) => {
    emitter.emit('Concat', node.output.name, operands(emitter, node), { axis: node.attributes.axis });
  },
  Slice: (emitter, node) => {
    const { axis, start, end = INT32_MAX } = node.attributes;
    const bounds = [[start], [end], [axis]].map((numbers) => emitter.integers(numbers));
    emitter.emit('Slice', node.output.name, [...operands(emitter, node), ...bounds]);
  },
  Pad: (emitter, node) => {
    const { axis, before, after } = node.attributes;
    const inputs = [...operands(emitter, node), emitter.integers([before, after]), '', emitter.integers([axis])];
    emitter.emit('Pad', node.output.name, inputs);
  },
};

/**
 * x·W by whole numbers: x in unsigned 8 bits with a scale and a zero point found when the graph runs, W in signed ones with
 * a scale a column; both are scaled against one another before. The order is the one that onnxruntime knows as a single operation.
 */
function quantizedMatMul(emitter: Emitter, { inputs, output }: NodeOf<'MatMul'>): void {
  const [x, weight] = inputs as [Value, Value];
  if (!emitter.isWeight(weight)) throw new Error('internal: no weight');
  const { values, scales } = emitter.quantized(weight, 'columns');
  const input = emitter.smoothed(emitter.operand(x, false), weight);
  const [quantized, scale, zero] = dynamicallyQuantized(emitter, input);
  const at = (name: string) => emitter.fresh(`${output.name}/${name}`);
  const product = emitter.emit('MatMulInteger', at('MatMulInteger'), [quantized, values, zero]);
  const asFloat = emitter.emit('Cast', at('Cast'), [product], { to: ELEMENT.float32 });
  const both = emitter.emit('Mul', at('Scale'), [scale, scales]);
  emitter.emit('Mul', output.name, [asFloat, both]);
}

/** Done once for all that reads x. */
function dynamicallyQuantized(emitter: Emitter, x: string): [values: string, scale: string, zero: string] {
  const names = ['quantized', 'scale', 'zero_point'].map((part) => `${x}_${part}`) as [string, string, string];
  emitter.once(names[0], () => {
    emitter.nodes.push({
      operation: 'DynamicQuantizeLinear',
      name: `${x}/DynamicQuantizeLinear`,
      inputs: [x],
      outputs: names,
      attributes: {},
    });
  });
  return names;
}

/** Rows in 8 bits times their scales. */
function quantizedGather(emitter: Emitter, { inputs, output, precise }: NodeOf<'Gather'>, indices: Value): void {
  const [table] = inputs as [Value];
  if (!emitter.isWeight(table)) throw new Error('internal: no weight');
  const { values, scales } = emitter.quantized(table, 'rows');
  const rows = emitter.operand(indices, precise);
  const at = (name: string) => emitter.fresh(`${output.name}/${name}`);
  const found = emitter.emit('Gather', at('Gather'), [values, rows], { axis: 0 });
  const asFloat = emitter.emit('Cast', at('Cast'), [found], { to: ELEMENT.float32 });
  const scale = emitter.emit('Gather', at('Scale'), [scales, rows], { axis: 0 });
  emitter.emit('Mul', output.name, [asFloat, scale]);
}
