/** Token states to one vector a text, by the attention mask: padding may be on either side. */

import type * as tf from '@tensorflow/tfjs-core';
import { OptionError, type PoolingStrategy } from '@uniem/core';

import type { Value } from '../graph.ts';
import type { TracingKernel } from './plain.ts';
import type { Tracer } from './tracer.ts';

/** Below any state, and finite: 0 times it is 0. */
const LEAST = -3e38;

/** float32 [batch, sequence]: each token's weight before what `totals` divides by; 0 at padding. */
type Weights = (tracer: Tracer) => Value;

/** 1 at each text's token that has so many up to it; padding repeats counts and is masked out. */
function tokenAt(tracer: Tracer, count: Value): Value {
  const { builder } = tracer;
  const isCount = builder.node('Equal', [counts(tracer), count], {});
  return builder.node('Cast', [isCount], { to: 'float32' });
}

/** int32 [batch, sequence]: 1, 2, … at a text's tokens, 0 at padding. */
function counts(tracer: Tracer): Value {
  return tracer.builder.node('Mul', [tracer.tokenCounts(), tracer.attentionMask], {});
}

function total(tracer: Tracer, weights: Value): Value {
  return tracer.builder.node('ReduceSum', [weights], { axis: 1, keepDims: true }); // [batch, 1]
}

const mask: Weights = (tracer) => tracer.mask();

interface Pooling {
  weights: Weights;
  /** What the weighted sum is divided by, float32 [batch, 1]. */
  divisor?: (tracer: Tracer, weights: Value) => Value;
}

const mean: Pooling = { weights: mask, divisor: total };

const POOLINGS: Record<Exclude<PoolingStrategy, 'last_max'>, Pooling> = {
  cls: { weights: (tracer) => tokenAt(tracer, tracer.builder.scalar(1, 'int32')) },
  last_token: { weights: (tracer) => tokenAt(tracer, total(tracer, tracer.attentionMask)) },
  last_mean: mean,
  first_last_mean: mean, // of states that are averaged before
  embedding_last_mean: mean,
  last_weighted: {
    weights: (tracer) => tracer.builder.node('Cast', [counts(tracer)], { to: 'float32' }),
    divisor: total,
  },
  last_mean_sqrt_len: {
    weights: mask,
    divisor: (tracer, weights) => tracer.builder.node('Sqrt', [total(tracer, weights)], {}),
  },
};

function pooled(tracer: Tracer, states: Value, strategy: PoolingStrategy): Value {
  const { builder } = tracer;
  const perToken = (weights: Value) => builder.node('Unsqueeze', [weights], { axes: [2] }); // [batch, sequence, 1]
  if (strategy === 'last_max') {
    const isToken = builder.node('Equal', [tracer.attentionMask, builder.scalar(1, 'int32')], {});
    const own = builder.node('Where', [perToken(isToken), states, builder.scalar(LEAST)], {});
    return builder.node('ReduceMax', [own], { axis: 1, keepDims: false });
  }
  const { weights, divisor } = POOLINGS[strategy];
  const each = weights(tracer);
  const weighted = builder.node('Mul', [states, perToken(each)], {});
  const sum = builder.node('ReduceSum', [weighted], { axis: 1, keepDims: false }); // [batch, H]
  if (!divisor) return sum;
  const atLeast = builder.node('Maximum', [divisor(tracer, each), builder.scalar(1e-9)], {}); // of a text of no tokens
  return builder.node('Div', [sum, atLeast], {});
}

export const POOLING_KERNELS: Record<string, TracingKernel> = {
  Pool: ({ tracer, inputs, attributes }) => {
    const { strategy, skip } = attributes as { strategy: PoolingStrategy; skip: number };
    if (skip !== 0) throw new OptionError('a graph pools every token', 'prompt', 'trace the model without a prompt');
    const { value, shape } = tracer.traced(inputs.states as tf.TensorInfo);
    const { builder } = tracer;
    const build = () => builder.precisely(() => pooled(tracer, value, strategy));
    return { value: builder.within('pooling', [], build), shape: [tracer.texts, shape[1] as number] };
  },
};
