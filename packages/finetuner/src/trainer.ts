/** The training loop: an async generator of steps; logging, saving and stopping are its caller's. */

import { setImmediate } from 'node:timers/promises';

import * as tf from '@tensorflow/tfjs';
import { clipGradNorm } from '@uniem/core';

import type { AdamW } from './adamw.ts';
import type { Schedule } from './schedules.ts';

export interface Training<Batch> {
  /** Groups of gradientAccumulationSteps batches, one group a step. */
  groups: AsyncIterable<Batch[]>;
  /** Scalar loss of a batch; `pass` counts forward passes from 0 and decides the dropout masks. */
  loss: (batch: Batch, pass: number) => tf.Scalar;
  /** Trainable parameters by name. */
  variables: ReadonlyMap<string, tf.Variable>;
  optimizer: AdamW;
  schedule: Schedule;
  /** Global norm that gradients are scaled down to; left out, they are taken as they are. */
  maxGradNorm?: number | undefined;
  /** Steps done before; the first step yielded is the next one. */
  startStep: number;
}

export interface Step<Batch> {
  /** Counted from 1. */
  step: number;
  /** Mean over the step's batches; where it is not finite, the weights are as they were. */
  loss: number;
  lr: number;
  /** Global norm of the gradients before clipping; only where they are clipped. */
  gradNorm: number | undefined;
  /** The step's batches. */
  group: readonly Batch[];
}

/** One yield a step, in order. Breaking out of the loop stops the run after a whole step. */
export async function* train<Batch>(training: Training<Batch>): AsyncGenerator<Step<Batch>> {
  const { groups, loss, variables, optimizer, schedule, maxGradNorm } = training;
  let step = training.startStep;
  for await (const group of groups) {
    const found = gradientStep(group, (batch, i) => loss(batch, step * group.length + i), variables);
    const { value } = found;
    const { gradients, norm } = clip(found.gradients, maxGradNorm);
    const mean = (await value.data())[0] as number;
    const gradNorm = norm && ((await norm.data())[0] as number);
    const lr = schedule(step);
    if (Number.isFinite(mean) && (gradNorm === undefined || Number.isFinite(gradNorm))) {
      optimizer.step(variables, gradients, lr);
    }
    tf.dispose([value, ...gradients.values()]);
    norm?.dispose();
    step += 1;
    await setImmediate(); // an engine that computes at once would never let a signal or a timer through
    yield { step, loss: mean, lr, gradNorm, group };
  }
}

/** Takes ownership of the gradients. */
function clip(
  gradients: Map<string, tf.Tensor>,
  maxNorm: number | undefined,
): { gradients: Map<string, tf.Tensor>; norm: tf.Scalar | undefined } {
  if (maxNorm === undefined) return { gradients, norm: undefined };
  const { clipped, norm } = clipGradNorm([...gradients.values()], maxNorm);
  return { gradients: new Map([...gradients.keys()].map((name, i) => [name, clipped[i] as tf.Tensor])), norm };
}

/**
 * Mean over a group of batches of the loss and of its gradients, by parameter name; parameters that the loss does not
 * depend on have none. The one place a data-parallel run would average.
 */
export function gradientStep<Batch>(
  group: readonly Batch[],
  loss: (batch: Batch, index: number) => tf.Scalar,
  variables: ReadonlyMap<string, tf.Variable>,
): { value: tf.Scalar; gradients: Map<string, tf.Tensor> } {
  const gradients = new Map<string, tf.Tensor>();
  let value: tf.Scalar = tf.scalar(0);
  group.forEach((batch, i) => {
    const share = gradientsOf(() => tf.div(loss(batch, i), group.length), variables, [value, ...gradients.values()]);
    value = addInto(value, share.value);
    for (const [name, variable] of variables) {
      const gradient = share.grads[variable.name] as tf.Tensor | undefined;
      if (gradient) gradients.set(name, addInto(gradients.get(name), gradient));
    }
  });
  return { value, gradients };
}

/** tf.variableGrads, which leaves what it kept for backward where the forward pass fails (no memory, a bad token id). */
function gradientsOf(loss: () => tf.Scalar, variables: ReadonlyMap<string, tf.Variable>, held: tf.Tensor[]) {
  try {
    return tf.variableGrads(loss, [...variables.values()]);
  } catch (error) {
    const { state } = tf.engine();
    for (const { saved } of state.activeTape ?? []) tf.dispose(saved ?? []);
    state.activeTape = null as unknown as typeof state.activeTape; // as after a pass that went well
    tf.dispose(held);
    throw error;
  }
}

/** Takes ownership of both. */
function addInto<T extends tf.Tensor>(sum: T | undefined, more: T): T {
  if (!sum) return more;
  const result = tf.add(sum, more) as T;
  tf.dispose([sum, more]);
  return result;
}
