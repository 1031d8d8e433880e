/** Two float tensors, value by value, broadcast: native/kernels/Binary.cc. Two bf16 tensors give a bf16 one. */

import * as tf from '@tensorflow/tfjs-core';

import type { NativeBackend } from '../backend.ts';
import { defineKernel } from '../define-kernel.ts';

interface Inputs {
  a: tf.TensorInfo;
  b: tf.TensorInfo;
}

const AXES = 4;

/** Positions are Binary.cc's operation numbers. */
const OPERATIONS = [tf.Add, tf.Sub, tf.Multiply, tf.RealDiv, tf.Maximum, tf.Minimum, tf.SquaredDifference];

export const binary = OPERATIONS.map((name, operation) =>
  defineKernel<Inputs>(name, ({ a, b }, _attributes, backend) => {
    if (a.dtype !== 'float32' || b.dtype !== 'float32') return undefined;
    const shape = tf.broadcast_util.assertAndGetBroadcastShape(a.shape, b.shape);
    const walk = collapse(shape, a.shape, b.shape);
    if (walk.length > AXES) return undefined; // five kinds of axis in a row: not seen in models
    const element = backend.elementOf(a) === 'bf16' && backend.elementOf(b) === 'bf16' ? 'bf16' : 'f32';
    const y = backend.empty(shape, element);
    const axes = [...Array<Axis>(AXES - walk.length).fill({ size: 1, inA: false, inB: false }), ...walk];
    backend.binding.Binary(
      ...([backend.as(a, element), backend.as(b, element), backend.array(y), operation] as const),
      Int32Array.from(axes, ({ size }) => size),
      strides(axes, ({ inA }) => inA),
      strides(axes, ({ inB }) => inB),
    );
    return y;
  }),
);

/** x times a number, as float32. */
export function scaled(x: tf.TensorInfo, factor: number, backend: NativeBackend): tf.TensorInfo {
  const y = backend.empty(x.shape);
  backend.binding.Binary(
    ...([backend.f32(x), Float32Array.of(factor), backend.f32(y), OPERATIONS.indexOf(tf.Multiply)] as const),
    ...([Int32Array.of(1, 1, 1, tf.util.sizeFromShape(x.shape))] as const),
    ...([Int32Array.of(0, 0, 0, 1), new Int32Array(AXES)] as const),
  );
  return y;
}

/** An axis of the result, and whether each operand has it or repeats along it. */
interface Axis {
  size: number;
  inA: boolean;
  inB: boolean;
}

/** The result's axes, those of size 1 left out and neighbours of one kind made one. */
function collapse(shape: number[], a: number[], b: number[]): Axis[] {
  const sizeIn = (operand: number[], axis: number) => operand[axis - (shape.length - operand.length)] ?? 1;
  const axes: Axis[] = [];
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const [inA, inB] = [sizeIn(a, axis) !== 1, sizeIn(b, axis) !== 1];
    const previous = axes.at(-1);
    if (previous && previous.inA === inA && previous.inB === inB) previous.size *= size;
    else axes.push({ size, inA, inB });
  });
  return axes;
}

function strides(axes: readonly Axis[], has: (axis: Axis) => boolean): Int32Array {
  const result = new Int32Array(axes.length);
  let stride = 1;
  for (let i = axes.length - 1; i >= 0; i--) {
    const axis = axes[i] as Axis;
    if (!has(axis)) continue;
    result[i] = stride;
    stride *= axis.size;
  }
  return result;
}
