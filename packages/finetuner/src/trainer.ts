/** The training loop: an async generator of steps; logging, saving and stopping are its caller's. */

import { setImmediate } from 'node:timers/promises';

import * as tf from '@tensorflow/tfjs';

import type { AdamW } from './adamw.ts';
import type { Schedule } from './schedules.ts';

export interface Training<Batch> {
  /** Groups of gradientAccumulationSteps batches, one group a step. */
  groups: AsyncIterable<Batch[]>;
  /** Records of a batch. */
  sizeOf: (batch: Batch) => number;
  /** Scalar loss of a batch; `pass` counts forward passes from 0 and decides the dropout masks. */
  loss: (batch: Batch, pass: number) => tf.Scalar;
  /** Trainable parameters by name. */
  variables: ReadonlyMap<string, tf.Variable>;
  optimizer: AdamW;
  schedule: Schedule;
  /** Steps done before; the first step yielded is the next one. */
  startStep: number;
}

export interface Step {
  /** Counted from 1. */
  step: number;
  /** Mean over the step's batches. */
  loss: number;
  lr: number;
  /** Records seen in the step. */
  records: number;
}

/** One yield a step, in order. Breaking out of the loop stops the run after a whole step. */
export async function* train<Batch>(training: Training<Batch>): AsyncGenerator<Step> {
  const { groups, sizeOf, loss, variables, optimizer, schedule } = training;
  let step = training.startStep;
  for await (const group of groups) {
    const { value, gradients } = gradientStep(group, loss, variables, step);
    const mean = ((await value.data())[0] as number) / group.length;
    value.dispose();
    const lr = schedule(step);
    if (Number.isFinite(mean)) optimizer.step(variables, gradients, lr);
    tf.dispose([...gradients.values()]);
    step += 1;
    await setImmediate(); // an engine that computes at once would never let a signal or a timer through
    yield { step, loss: mean, lr, records: group.reduce((sum, batch) => sum + sizeOf(batch), 0) };
  }
}

/** Sum of the group's losses and mean of its gradients: the one place a data-parallel run would average. */
function gradientStep<Batch>(
  group: Batch[],
  loss: Training<Batch>['loss'],
  variables: ReadonlyMap<string, tf.Variable>,
  step: number,
): { value: tf.Scalar; gradients: Map<string, tf.Tensor> } {
  const names = [...variables.keys()];
  const list = [...variables.values()];
  const results = tf.tidy(() => {
    let value: tf.Tensor = tf.scalar(0);
    let sums: (tf.Tensor | undefined)[] = list.map(() => undefined);
    group.forEach((batch, i) => {
      const result = tf.tidy(() => {
        const { value: lossValue, grads } = tf.variableGrads(() => loss(batch, step * group.length + i), list);
        const found = list.map((variable) => grads[variable.name] as tf.Tensor | null);
        return { lossValue, found: Object.fromEntries(found.flatMap((grad, j) => (grad ? [[j, grad]] : []))) };
      });
      value = tf.add(value, result.lossValue);
      const found = result.found as Record<string, tf.Tensor>;
      sums = sums.map((sum, j) => {
        const grad = found[j];
        return sum && grad ? tf.add(sum, grad) : (sum ?? grad);
      });
    });
    const scale = 1 / group.length;
    const means = sums.map((sum) => (sum && group.length > 1 ? tf.mul(sum, scale) : sum));
    return { value, means: Object.fromEntries(means.flatMap((mean, j) => (mean ? [[names[j], mean]] : []))) };
  });
  return {
    value: results.value as tf.Scalar,
    gradients: new Map(Object.entries(results.means as Record<string, tf.Tensor>)),
  };
}
