/** Shapes of the graph's values: what an operation makes of its operands' shapes. */

import type { Dim, NodeOf, OperationName, Operations, SymbolicDim, Value } from './graph.ts';

/** The shape that operands broadcast to, as in NumPy. */
export function broadcast(shapes: readonly (readonly Dim[])[]): Dim[] {
  const rank = Math.max(...shapes.map(({ length }) => length));
  return Array.from({ length: rank }, (_, axis) => {
    const dims = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1).filter((dim) => dim !== 1);
    const [dim = 1, ...others] = dims;
    if (others.some((other) => other !== dim)) {
      throw new Error(`internal: shapes [${shapes.map((shape) => shape.join()).join('], [')}] do not broadcast`);
    }
    return dim;
  });
}

/** The shape of a node's output. */
export function outputShape<O extends OperationName>(
  operation: O,
  inputs: readonly Value[],
  attributes: Operations[O],
): Dim[] {
  const rule = (RULES as unknown as Partial<Record<OperationName, ShapeRule<O>>>)[operation];
  const shapes = inputs.map(({ shape }) => shape);
  return rule ? rule(shapes, attributes) : broadcast(shapes);
}

type ShapeRule<O extends OperationName> = (shapes: (readonly Dim[])[], attributes: NodeOf<O>['attributes']) => Dim[];

const same = ([shape]: (readonly Dim[])[]): Dim[] => [...(shape as readonly Dim[])];

const reduced = ([shape]: (readonly Dim[])[], { axis, keepDims }: { axis: number; keepDims: boolean }): Dim[] =>
  (shape as readonly Dim[]).flatMap((dim, at) => (at !== axis ? [dim] : keepDims ? [1] : []));

/** Of operations whose result is not what the operands broadcast to. */
const RULES: { [O in OperationName]?: ShapeRule<O> } = {
  MatMul: ([a, b]) => {
    const [left, right] = [a as readonly Dim[], b as readonly Dim[]];
    if (left.at(-1) !== right.at(-2)) throw new Error(`internal: [${left.join()}] times [${right.join()}]`);
    return [...broadcast([left.slice(0, -2), right.slice(0, -2)]), left.at(-2) as Dim, right.at(-1) as Dim];
  },
  LayerNormalization: same,
  Softmax: same,
  ReduceSum: reduced,
  ReduceMean: reduced,
  ReduceMax: reduced,
  Range: ([shape]) => [shape?.[1] as Dim],
  Reshape: ([shape], { shape: target }) => {
    const rest = remaining(shape as readonly Dim[], target);
    return target.map((dim) => (dim === -1 ? rest : dim));
  },
  Unsqueeze: ([shape], { axes }) => {
    const dims = [...(shape as readonly Dim[])];
    for (const axis of axes.toSorted((a, b) => a - b)) dims.splice(axis, 0, 1);
    return dims;
  },
  Transpose: ([shape], { permutation }) => permutation.map((axis) => shape?.[axis] as Dim),
  Gather: ([table, indices], { axis }) => {
    const dims = table as readonly Dim[];
    return [...dims.slice(0, axis), ...(indices as readonly Dim[]), ...dims.slice(axis + 1)];
  },
  Concat: (shapes, { axis }) => {
    const along = shapes.map((shape) => shape[axis] as Dim);
    return (shapes[0] as readonly Dim[]).map((dim, at) => (at === axis ? sum(along) : dim));
  },
  Slice: ([shape], { axis, start, end }) => {
    return (shape as readonly Dim[]).map((dim, at) => (at === axis ? sliced(dim, start, end) : dim));
  },
  Pad: ([shape], { axis, before, after }) => {
    const padded = (dim: Dim) => (typeof dim === 'number' ? dim + before + after : 'padded_sequence');
    return (shape as readonly Dim[]).map((dim, at) => (at === axis ? padded(dim) : dim));
  },
};

function sum(dims: readonly Dim[]): Dim {
  if (dims.every((dim) => typeof dim === 'number')) return dims.reduce((a, b) => a + b, 0);
  if (dims.length === 2 && dims.every((dim) => dim === 'sequence')) return '2*sequence';
  throw new Error(`internal: no symbol for ${dims.join(' + ')}`);
}

function sliced(dim: Dim, start: number, end: number | undefined): Dim {
  if (dim === 'padded_sequence') return 'sequence';
  if (typeof dim !== 'number') throw new Error(`internal: a slice of ${dim}`);
  const stop = end === undefined ? dim : end < 0 ? dim + end : Math.min(dim, end);
  return Math.max(0, stop - start);
}

/** The length of the axis that a Reshape writes -1 for. */
function remaining(shape: readonly Dim[], target: readonly (Dim | -1)[]): Dim {
  const symbols: SymbolicDim[] = [];
  let size = 1;
  for (const dim of shape) {
    if (typeof dim === 'number') size *= dim;
    else symbols.push(dim);
  }
  for (const dim of target) {
    if (dim === -1) continue;
    if (typeof dim === 'number') size /= dim;
    else symbols.splice(symbols.indexOf(dim), symbols.includes(dim) ? 1 : 0);
  }
  if (symbols.length === 0) return size;
  if (size === 1 && symbols.length === 1) return symbols[0] as SymbolicDim;
  if (size === 1 && symbols.toSorted().join() === '2*sequence,sequence') return '2*sequence*sequence';
  throw new Error(`internal: no symbol for what remains of [${shape.join()}] beside [${target.join()}]`);
}
