/** Every operation of the graph in those of TensorFlow; only such as TF.js's converter knows too. */

import type { Dim, NodeOf, OperationName, Value } from '../graph.ts';
import { type NodeBuilder, slicing, type TargetShape } from './nodes.ts';

/** Adds nodes, of which the last has this name. */
export type Lowering<O extends OperationName> = (node: NodeOf<O>, builder: NodeBuilder, name: string) => void;

const nameOf = ({ name }: Value): string => name;

const INDEX = { type: 'int32' } as const;

/** One node of another name for all but the operands' type. */
function renamed<O extends OperationName>(op: string, typed: 'first' | 'last' = 'first'): Lowering<O> {
  return ({ inputs }, builder, name) => {
    const { dtype } = inputs.at(typed === 'first' ? 0 : -1) as Value;
    builder.node(name, op, inputs.map(nameOf), { T: { type: dtype } });
  };
}

function reduction<O extends 'ReduceSum' | 'ReduceMean' | 'ReduceMax'>(op: string): Lowering<O> {
  return ({ inputs: [x], attributes: { axis, keepDims } }, builder, name) => {
    const { dtype } = x as Value;
    builder.node(name, op, [nameOf(x as Value), builder.indices([axis])], {
      T: { type: dtype },
      Tidx: INDEX,
      keep_dims: { bool: keepDims },
    });
  };
}

export const LOWERINGS: { readonly [O in OperationName]: Lowering<O> } = {
  Add: renamed('AddV2'),
  Sub: renamed('Sub'),
  Mul: renamed('Mul'),
  Maximum: renamed('Maximum'),
  Minimum: renamed('Minimum'),
  Abs: renamed('Abs'),
  Div: renamed('RealDiv'),
  Sqrt: renamed('Sqrt'),
  Erf: renamed('Erf'),
  Tanh: renamed('Tanh'),
  Sigmoid: renamed('Sigmoid'),
  Relu: renamed('Relu'),
  Cos: renamed('Cos'),
  Sin: renamed('Sin'),
  Equal: renamed('Equal'),
  Less: renamed('Less'),
  LessEqual: renamed('LessEqual'),
  Where: renamed('SelectV2', 'last'),
  Softmax: renamed('Softmax'),
  ReduceSum: reduction('Sum'),
  ReduceMean: reduction('Mean'),
  ReduceMax: reduction('Max'),

  /** A matrix product of two axes where there are no more to the right operand: engines are fastest at that. */
  MatMul: ({ inputs, output }, builder, name) => {
    const [x, y] = inputs as [Value, Value];
    const T = { type: 'float32' } as const;
    const plain = { T, transpose_a: { bool: false }, transpose_b: { bool: false } };
    const operands = [nameOf(x), nameOf(y)];
    if (x.shape.length === 2 && y.shape.length === 2) {
      builder.node(name, 'MatMul', operands, plain);
    } else if (y.shape.length === 2 && isTarget(output.shape)) {
      const flat = builder.indices([-1, y.shape[0] as number]);
      const rows = builder.part(name, 'Reshape', [nameOf(x), flat], { T, Tshape: INDEX });
      const product = builder.part(name, 'MatMul', [rows, nameOf(y)], plain);
      builder.node(name, 'Reshape', [product, builder.shape(output.shape)], { T, Tshape: INDEX });
    } else {
      builder.node(name, 'BatchMatMulV2', operands, { T, adj_x: { bool: false }, adj_y: { bool: false } });
    }
  },

  LayerNormalization: ({ inputs, attributes: { epsilon } }, builder, name) => {
    const [x, weight, bias] = inputs.map(nameOf) as [string, string, string | undefined];
    const T = { T: { type: 'float32' } } as const;
    const last = [builder.indices([(inputs[0] as Value).shape.length - 1])];
    const kept = { ...T, Tidx: INDEX, keep_dims: { bool: true } };
    const centred = builder.part(name, 'Sub', [x, builder.part(name, 'Mean', [x, ...last], kept)], T);
    const variance = builder.part(name, 'Mean', [builder.part(name, 'Square', [centred], T), ...last], kept);
    const safe = builder.part(name, 'AddV2', [variance, builder.number(epsilon)], T);
    const unit = builder.part(name, 'Mul', [centred, builder.part(name, 'Rsqrt', [safe], T)], T);
    if (bias === undefined) builder.node(name, 'Mul', [unit, weight], T);
    else builder.node(name, 'AddV2', [builder.part(name, 'Mul', [unit, weight], T), bias], T);
  },

  CumSum: ({ inputs: [x], attributes: { axis } }, builder, name) => {
    const { dtype } = x as Value;
    builder.node(name, 'Cumsum', [nameOf(x as Value), builder.indices(axis)], {
      T: { type: dtype },
      Tidx: INDEX,
      exclusive: { bool: false },
      reverse: { bool: false },
    });
  },

  Range: (_, builder, name) => {
    const bounds = [builder.indices(0), builder.lengthOf('sequence'), builder.indices(1)];
    builder.node(name, 'Range', bounds, { Tidx: INDEX });
  },

  Cast: ({ inputs: [x], attributes: { to } }, builder, name) => {
    const { dtype } = x as Value;
    builder.node(name, 'Cast', [nameOf(x as Value)], {
      SrcT: { type: dtype },
      DstT: { type: to },
      Truncate: { bool: false },
    });
  },

  Reshape: ({ inputs: [x], attributes: { shape } }, builder, name) => {
    const { dtype } = x as Value;
    const operands = [nameOf(x as Value), builder.shape(shape)];
    builder.node(name, 'Reshape', operands, { T: { type: dtype }, Tshape: INDEX });
  },

  Unsqueeze: ({ inputs: [x], attributes: { axes } }, builder, name) => {
    const { dtype } = x as Value;
    const attributes = { T: { type: dtype }, Tdim: INDEX };
    const rising = axes.toSorted((a, b) => a - b);
    let inner = nameOf(x as Value);
    for (const axis of rising.slice(0, -1)) {
      inner = builder.part(name, 'ExpandDims', [inner, builder.indices(axis)], attributes);
    }
    builder.node(name, 'ExpandDims', [inner, builder.indices(rising.at(-1) as number)], attributes);
  },

  Transpose: ({ inputs: [x], attributes: { permutation } }, builder, name) => {
    const { dtype } = x as Value;
    const operands = [nameOf(x as Value), builder.indices(permutation)];
    builder.node(name, 'Transpose', operands, { T: { type: dtype }, Tperm: INDEX });
  },

  Gather: ({ inputs, attributes: { axis } }, builder, name) => {
    const { dtype } = inputs[0] as Value;
    builder.node(name, 'GatherV2', [...inputs.map(nameOf), builder.indices(axis)], {
      Tparams: { type: dtype },
      Tindices: INDEX,
      Taxis: INDEX,
      batch_dims: { int: 0 },
    });
  },

  Concat: ({ inputs, attributes: { axis } }, builder, name) => {
    const { dtype } = inputs[0] as Value;
    builder.node(name, 'ConcatV2', [...inputs.map(nameOf), builder.indices(axis)], {
      T: { type: dtype },
      Tidx: INDEX,
      N: { int: inputs.length },
    });
  },

  Slice: ({ inputs: [x], attributes: { axis, start, end } }, builder, name) => {
    const { dtype } = x as Value;
    // Axes before it are taken whole, by the masks; those behind it need not be named.
    const along = (value: number) => [...new Array<number>(axis).fill(0), value];
    const bounds = [along(start), along(end ?? 0), new Array<number>(axis + 1).fill(1)];
    const before = 2 ** axis - 1;
    builder.node(name, 'StridedSlice', [nameOf(x as Value), ...bounds.map((list) => builder.indices(list))], {
      ...slicing(dtype),
      begin_mask: { int: before },
      end_mask: { int: before + (end === undefined ? 2 ** axis : 0) },
    });
  },

  Pad: ({ inputs: [x], attributes: { axis, before, after } }, builder, name) => {
    const { dtype, shape } = x as Value;
    const paddings = shape.map((_, at) => (at === axis ? [before, after] : [0, 0]));
    const attributes = { T: { type: dtype }, Tpaddings: INDEX };
    builder.node(name, 'Pad', [nameOf(x as Value), builder.table(paddings)], attributes);
  },
};

/** Whether a Reshape can ask for a shape. */
function isTarget(shape: readonly Dim[]): shape is TargetShape {
  return shape.every((dim) => typeof dim === 'number' || dim === 'batch' || dim === 'sequence');
}
