/** Operations of a model's layers but for attention, in plain operations. T tokens, H values, A heads of D, R turned. */

import type * as tf from '@tensorflow/tfjs-core';

import { fixed, type GraphBuilder } from '../builder.ts';
import type { Constant, Value } from '../graph.ts';
import { inPlace, type TracingKernel } from './plain.ts';
import type { Traced } from './tracer.ts';

/** The module that a parameter is of. */
const moduleOf = (name: string | undefined) => name?.replace(/\.(weight|bias)$/, '');

/** A module with parameters, at work on one operand. */
function module(
  build: (b: GraphBuilder, x: Value, call: Parameters<TracingKernel>[0]) => Value,
  weight = 'weight',
): TracingKernel {
  return (call) => {
    const { tracer, inputs } = call;
    const x = tracer.traced(inputs.x as tf.TensorInfo);
    const name = moduleOf(tracer.parameterName(inputs[weight]));
    const add = () => inPlace([x.value], () => build(tracer.builder, x.value, call), tracer);
    return { value: tracer.builder.within(name, [x.value], add), shape: x.shape };
  };
}

/** x·Wᵀ + bias; W [O, I], or [I, O] by columns. */
const linear: TracingKernel = ({ tracer, inputs, attributes }) => {
  const { builder } = tracer;
  const x = tracer.traced(inputs.x as tf.TensorInfo);
  const weight = inputs.weight as tf.TensorInfo;
  const name = tracer.parameterName(weight);
  const isByColumns = attributes.byColumns === true;
  const [I, O] = (isByColumns ? weight.shape : weight.shape.toReversed()) as [number, number];
  const build = () => {
    const columns =
      name !== undefined && !isByColumns
        ? builder.parameter(name, [I, O], true)
        : isByColumns
          ? tracer.traced(weight).value
          : builder.node('Transpose', [tracer.traced(weight).value], { permutation: [1, 0] });
    const product = builder.node('MatMul', [x.value, columns], {});
    return inputs.bias ? builder.node('Add', [product, tracer.traced(inputs.bias).value], {}) : product;
  };
  const value = builder.within(moduleOf(name), [x.value], () => inPlace([x.value], build, tracer));
  return { value, shape: [...x.shape.slice(0, -1), O] };
};

const layerNorm = module((b, x, { tracer, inputs, attributes }) => {
  const [weight, bias, residual] = ['weight', 'bias', 'residual'].map((name) => {
    const input = inputs[name];
    return input && tracer.traced(input).value;
  }) as [Value, Value | undefined, Value | undefined];
  const sum = residual ? b.node('Add', [x, residual], {}) : x;
  const operands = bias ? [sum, weight, bias] : [sum, weight];
  return b.node('LayerNormalization', operands, { epsilon: attributes.eps as number });
});

const rmsNorm = module((b, x, { tracer, inputs, attributes }) =>
  b.precisely(() => {
    const axis = x.shape.length - 1;
    const mean = b.node('ReduceMean', [b.node('Mul', [x, x], {})], { axis, keepDims: true });
    const length = b.node('Sqrt', [b.node('Add', [mean, b.scalar(attributes.eps as number)], {})], {});
    return b.node('Mul', [b.node('Div', [x, length], {}), tracer.traced(inputs.weight as tf.TensorInfo).value], {});
  }),
);

/** x·½·(1 + erf(x / √2)), in the order that onnxruntime knows it by. */
function gelu(b: GraphBuilder, x: Value): Value {
  const erf = b.node('Erf', [b.node('Div', [x, b.scalar(Math.SQRT2)], {})], {});
  const gated = b.node('Mul', [x, b.node('Add', [erf, b.scalar(1)], {})], {});
  return b.node('Mul', [gated, b.scalar(0.5)], {});
}

/** x·½·(1 + tanh(√(2 / π)·(x + 0.044715·x³))) */
function geluTanh(b: GraphBuilder, x: Value): Value {
  const cube = b.node('Mul', [b.node('Mul', [x, x], {}), x], {});
  const sum = b.node('Add', [x, b.node('Mul', [cube, b.scalar(0.044715)], {})], {});
  const tanh = b.node('Tanh', [b.node('Mul', [sum, b.scalar(Math.sqrt(2 / Math.PI))], {})], {});
  const half = b.node('Mul', [x, b.scalar(0.5)], {});
  return b.node('Mul', [half, b.node('Add', [tanh, b.scalar(1)], {})], {});
}

const silu = (b: GraphBuilder, x: Value): Value => b.node('Mul', [x, b.node('Sigmoid', [x], {})], {});

/** Rows of a table; of all its rows in their order, the table. */
const embedding: TracingKernel = ({ tracer, inputs }) => {
  const table = tracer.traced(inputs.table as tf.TensorInfo);
  const indices = tracer.traced(inputs.indices as tf.TensorInfo);
  const shape = [...indices.shape, ...table.shape.slice(1)];
  if (isWhole(indices.value, table.shape[0] as number)) return { value: table.value, shape };
  const name = moduleOf(tracer.parameterName(inputs.table));
  const build = () => tracer.builder.node('Gather', [table.value, indices.value], { axis: 0 });
  return { value: tracer.builder.within(name, [table.value], build), shape };
};

function isWhole(indices: Value, rows: number): boolean {
  const { source } = indices as Partial<Constant>;
  if (!source || !('values' in source)) return false;
  return source.values.length === rows && source.values.every((index, row) => index === row);
}

/** The type of each token's segment, where there is more than one type. */
const tokenTypes: TracingKernel = ({ tracer, inputs }) => {
  const { builder } = tracer;
  const { value: table, shape } = tracer.traced(inputs.table as tf.TensorInfo);
  const [types, E] = shape as [number, number];
  const value = builder.within(moduleOf(tracer.parameterName(inputs.table)), [table], () =>
    types > 1 ? builder.node('Gather', [table, tracer.tokenTypeIds], { axis: 0 }) : table,
  );
  return { value, shape: [types > 1 ? tracer.tokens : 1, E] };
};

/** cos and sin of position·frequency: float32 [batch, sequence, 1, R / 2]. */
const rotaryTables: TracingKernel = ({ tracer, inputs, attributes }) => {
  const { builder } = tracer;
  const { value, shape } = tracer.traced(inputs.positions as tf.TensorInfo);
  const { frequencies, factor } = attributes as { frequencies: ArrayLike<number>; factor: number };
  const half = frequencies.length;
  return builder.within('rotary', [], () =>
    builder.precisely(() =>
      (['Cos', 'Sin'] as const).map((operation): Traced => {
        const places = builder.node('Unsqueeze', [builder.node('Cast', [value], { to: 'float32' })], { axes: [2, 3] });
        const angles = builder.node('Mul', [places, builder.constant(Float32Array.from(frequencies), [half])], {});
        const turned = builder.node(operation, [angles], {});
        const table = factor === 1 ? turned : builder.node('Mul', [turned, builder.scalar(factor)], {});
        return { value: table, shape: [...shape, 1, half] };
      }),
    ),
  );
};

/** (x₁·cos − x₂·sin, x₂·cos + x₁·sin) of each pair of a head's values. */
const rotary: TracingKernel = ({ tracer, inputs, attributes }) => {
  const { builder: b } = tracer;
  const [x, cos, sin] = ['x', 'cos', 'sin'].map((name) => tracer.traced(inputs[name] as tf.TensorInfo)) as [
    Traced,
    Traced,
    Traced,
  ];
  const { heads, neighbours } = attributes as { heads: number; neighbours: boolean };
  const width = fixed(x.value.shape[2]);
  const [D, half] = [width / heads, fixed(cos.value.shape[3])] as const;
  const value = b.within(undefined, [x.value], () => {
    const split = b.node('Reshape', [x.value], { shape: ['batch', 'sequence', heads, D] });
    const cut = (value: Value, axis: number, start: number, end: number) => {
      const all = fixed(value.shape[axis]);
      if (start === 0 && end === all) return value;
      return b.node('Slice', [value], { axis, start, end: end === all ? undefined : end });
    };
    const turning = cut(split, 3, 0, 2 * half);
    const pairs = neighbours ? b.node('Reshape', [turning], { shape: ['batch', 'sequence', heads, half, 2] }) : turning;
    const axis = neighbours ? 4 : 3;
    const part = neighbours ? 1 : half;
    const [first, second] = [cut(pairs, axis, 0, part), cut(pairs, axis, part, 2 * part)] as const;
    const [c, s] = [cos.value, sin.value].map((table) =>
      neighbours ? b.precisely(() => b.node('Unsqueeze', [table], { axes: [4] })) : table,
    ) as [Value, Value];
    const y1 = b.node('Sub', [b.node('Mul', [first, c], {}), b.node('Mul', [second, s], {})], {});
    const y2 = b.node('Add', [b.node('Mul', [second, c], {}), b.node('Mul', [first, s], {})], {});
    const joined = b.node('Concat', [y1, y2], { axis });
    const turned =
      neighbours && D > 2 * half
        ? b.node('Reshape', [joined], { shape: ['batch', 'sequence', heads, 2 * half] })
        : joined;
    const whole = D > 2 * half ? b.node('Concat', [turned, cut(split, 3, 2 * half, D)], { axis: 3 }) : turned;
    return b.node('Reshape', [whole], { shape: ['batch', 'sequence', width] });
  });
  return { value, shape: x.shape };
};

/** Σ_k weight[·,·,k]·x[t + k − (K − 1) / 2] + bias of a text's own tokens; weight [O, I, K]. */
const convolution: TracingKernel = ({ tracer, inputs }) => {
  const { builder: b } = tracer;
  const x = tracer.traced(inputs.x as tf.TensorInfo);
  const [weight, bias] = [inputs.weight, inputs.bias].map((input) => tracer.traced(input as tf.TensorInfo)) as [
    Traced,
    Traced,
  ];
  const [O, I, K] = weight.shape as [number, number, number];
  const reach = (K - 1) / 2;
  const value = b.within(moduleOf(tracer.parameterName(inputs.weight)), [x.value], () => {
    const own = b.node('Mul', [x.value, b.node('Unsqueeze', [tracer.mask()], { axes: [2] })], {});
    const padded = b.node('Pad', [own], { axis: 1, before: reach, after: reach });
    const taps = Array.from({ length: K }, (_, k) => {
      const end = k === K - 1 ? undefined : k - K + 1;
      return b.node('Slice', [padded], { axis: 1, start: k, end });
    });
    const columns = b.node('Concat', taps, { axis: 2 }); // [batch, sequence, K·I]
    const byTap = b.node('Transpose', [weight.value], { permutation: [2, 1, 0] }); // [K, I, O]
    const matrix = b.node('Reshape', [byTap], { shape: [K * I, O] });
    return b.node('Add', [b.node('MatMul', [columns, matrix], {}), bias.value], {});
  });
  return { value, shape: [x.shape[0] as number, O] };
};

const activation = (build: (b: GraphBuilder, x: Value) => Value): TracingKernel => module((b, x) => build(b, x));

export const LAYER_KERNELS: Record<string, TracingKernel> = {
  Linear: linear,
  LayerNorm: (call) => repeated(layerNorm(call), 4), // the others are for backward
  RmsNorm: (call) => repeated(rmsNorm(call), 2),
  Gelu: activation(gelu),
  GeluTanh: activation(geluTanh),
  Silu: activation(silu),
  Embedding: embedding,
  TokenTypes: tokenTypes,
  RotaryTables: rotaryTables,
  Rotary: rotary,
  Convolution: convolution,
};

const repeated = (traced: Traced | Traced[], times: number): Traced[] =>
  new Array<Traced>(times).fill(traced as Traced);
