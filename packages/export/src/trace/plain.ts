/** TF.js's own kernels that families, heads and criteria of this library call, as operations of the graph. */

import * as tf from '@tensorflow/tfjs-core';

import { fixed } from '../builder.ts';
import type { OperationName, Value } from '../graph.ts';
import type { Traced, Tracer } from './tracer.ts';

/** What a kernel is given: tensors by name, in order; and attributes by TF.js's names. */
export interface Call {
  tracer: Tracer;
  inputs: Record<string, tf.TensorInfo>;
  attributes: Record<string, unknown>;
}

export type TracingKernel = (call: Call) => Traced | Traced[];

type WithoutAttributes = Extract<
  OperationName,
  'Add' | 'Sub' | 'Mul' | 'Div' | 'Maximum' | 'Tanh' | 'Sigmoid' | 'Relu' | 'Sqrt'
>;

/** Operands broadcast by TF.js's shapes and by the graph's alike. */
function elementWise(operation: WithoutAttributes): TracingKernel {
  return ({ tracer, inputs }) => {
    const operands = Object.values(inputs).map((input) => tracer.traced(input));
    const shape = operands.map((operand) => [...operand.shape]).reduce(tf.broadcast_util.assertAndGetBroadcastShape);
    const values = operands.map(({ value }) => value);
    return { value: inPlace(values, () => tracer.builder.node(operation, values, {}), tracer), shape };
  };
}

/** What follows pooling, [batch, values], is computed precisely. */
export function inPlace<T>(operands: readonly Value[], build: () => T, { builder }: Tracer): T {
  const pooled = operands.some(({ shape }) => shape[0] === 'batch' && !shape.includes('sequence'));
  return pooled ? builder.precisely(build) : build();
}

/** The graph's axis for one of the engine's, whose first may stand for several. */
function axisOf({ value, shape }: Traced, axis: number): number {
  const own = axis < 0 ? axis + shape.length : axis;
  if (own === 0 && value.shape.length !== shape.length) throw new Error('internal: an operation over all tokens');
  return own + value.shape.length - shape.length;
}

function slice(tracer: Tracer, x: Traced, begin: readonly number[], size: readonly number[]): Traced {
  const value = begin.reduce((value, start, axis) => {
    if (size[axis] === x.shape[axis]) return value;
    const end = start + (size[axis] as number);
    const at = axisOf(x, axis);
    const all = fixed(x.value.shape[at]);
    const attributes = { axis: at, start, end: end === all ? undefined : end };
    return inPlace([value], () => tracer.builder.node('Slice', [value], attributes), tracer);
  }, x.value);
  return { value, shape: size };
}

const only = (inputs: Record<string, tf.TensorInfo>): tf.TensorInfo => Object.values(inputs)[0] as tf.TensorInfo;

/** By TF.js's kernel names. */
export const PLAIN_KERNELS: Record<string, TracingKernel> = {
  Add: elementWise('Add'),
  Sub: elementWise('Sub'),
  Multiply: elementWise('Mul'),
  RealDiv: elementWise('Div'),
  Maximum: elementWise('Maximum'),
  Tanh: elementWise('Tanh'),
  Sigmoid: elementWise('Sigmoid'),
  Relu: elementWise('Relu'),
  Sqrt: elementWise('Sqrt'),
  Identity: ({ tracer, inputs }) => tracer.traced(only(inputs)),
  Square: ({ tracer, inputs }) => {
    const { value, shape } = tracer.traced(only(inputs));
    return { value: inPlace([value], () => tracer.builder.node('Mul', [value, value], {}), tracer), shape };
  },
  Sum: ({ tracer, inputs, attributes }) => {
    const x = tracer.traced(only(inputs));
    const { axis, keepDims } = attributes as { axis: number[] | number; keepDims: boolean };
    const [own] = tf.util.parseAxisParam(axis, [...x.shape]) as [number];
    const reduction = { axis: axisOf(x, own), keepDims };
    const shape = x.shape.flatMap((dim, at) => (at !== own ? [dim] : keepDims ? [1] : []));
    return { value: inPlace([x.value], () => tracer.builder.node('ReduceSum', [x.value], reduction), tracer), shape };
  },
  Reshape: ({ tracer, inputs, attributes }) => {
    const x = tracer.traced(only(inputs));
    const shape: number[] = tf.util.inferFromImplicitShape(
      attributes.shape as number[],
      x.shape.reduce((product, dim) => product * dim, 1),
    );
    const padded = tracer.padded(shape) as (number | 'batch' | 'sequence')[];
    if (padded.join() === x.value.shape.join()) return { value: x.value, shape };
    return { value: tracer.builder.node('Reshape', [x.value], { shape: padded }), shape };
  },
  Slice: ({ tracer, inputs, attributes }) => {
    const x = tracer.traced(only(inputs));
    const { begin, size } = attributes as { begin: number | number[]; size: number | number[] };
    const [from, sizes] = tf.slice_util.parseSliceParams(only(inputs) as tf.Tensor, begin, size);
    return slice(tracer, x, from as number[], sizes as number[]);
  },
  SplitV: ({ tracer, inputs, attributes }) => {
    const x = tracer.traced(only(inputs));
    const { numOrSizeSplits, axis } = attributes as { numOrSizeSplits: number | number[]; axis: number };
    const [own] = tf.util.parseAxisParam(axis, [...x.shape]) as [number];
    const sizes: number[] = tf.backend_util.prepareSplitSize(only(inputs) as tf.Tensor, numOrSizeSplits, own);
    let start = 0;
    return sizes.map((size) => {
      const begin = x.shape.map((_, at) => (at === own ? start : 0));
      start += size;
      return slice(
        tracer,
        x,
        begin,
        x.shape.map((dim, at) => (at === own ? size : dim)),
      );
    });
  },
  Concat: ({ tracer, inputs, attributes }) => {
    const parts = Object.values(inputs).map((input) => tracer.traced(input));
    const [first] = parts as [Traced];
    const [own] = tf.util.parseAxisParam(attributes.axis as number, [...first.shape]) as [number];
    const shape = tf.backend_util.computeOutShape(
      parts.map((part) => [...part.shape]),
      own,
    );
    const values = parts.map(({ value }) => value);
    const build = () => tracer.builder.node('Concat', values, { axis: axisOf(first, own) });
    return { value: inPlace(values, build, tracer), shape };
  },
};
