/** The training loop: an async generator of steps; logging, saving and stopping are its caller's. */

import { setImmediate } from 'node:timers/promises';

import * as tf from '@tensorflow/tfjs';

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
  /** Steps done before; the first step yielded is the next one. */
  startStep: number;
}

export interface Step<Batch> {
  /** Counted from 1. */
  step: number;
  /** Mean over the step's batches; where it is not finite, the weights are as they were. */
  loss: number;
  lr: number;
  /** The step's batches. */
  group: readonly Batch[];
}

/** One yield a step, in order. Breaking out of the loop stops the run after a whole step. */
export async function* train<Batch>(training: Training<Batch>): AsyncGenerator<Step<Batch>> {
  const { groups, loss, variables, optimizer, schedule } = training;
  let step = training.startStep;
  for await (const group of groups) {
    const { value, gradients } = gradientStep(group, (batch, i) => loss(batch, step * group.length + i), variables);
    const mean = (await value.data())[0] as number;
    const lr = schedule(step);
    if (Number.isFinite(mean)) optimizer.step(variables, gradients, lr);
    tf.dispose([value, ...gradients.values()]);
    step += 1;
    await setImmediate(); // an engine that computes at once would never let a signal or a timer through
    yield { step, loss: mean, lr, group };
  }
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
    const share = tf.variableGrads(() => tf.div(loss(batch, i), group.length), [...variables.values()]);
    value = addInto(value, share.value);
    for (const [name, variable] of variables) {
      const gradient = share.grads[variable.name] as tf.Tensor | undefined;
      if (gradient) gradients.set(name, addInto(gradients.get(name), gradient));
    }
  });
  return { value, gradients };
}

/** Takes ownership of both. */
function addInto<T extends tf.Tensor>(sum: T | undefined, more: T): T {
  if (!sum) return more;
  const result = tf.add(sum, more) as T;
  tf.dispose([sum, more]);
  return result;
}
