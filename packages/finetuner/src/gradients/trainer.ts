/** The training loop: an async generator of steps; logging, saving and stopping are its caller's. */

import { setImmediate } from 'node:timers/promises';

import * as tf from '@tensorflow/tfjs-core';
import { clipGradNorm } from '@uniem/core';
import { CALLBACK, COUNT, INDEX, MAP, OBJECT, requireKind } from '@uniem/core/arguments';

import type { AdamW } from '../optimizer/adamw.ts';
import type { Schedule } from '../optimizer/schedules.ts';

export interface Training<Batch> {
  /** Groups of gradientAccumulationSteps batches, one group a step. */
  groups: AsyncIterable<Batch[]>;
  /** Loss and gradients of a batch; `pass` is another for each batch of the run and decides the dropout masks. */
  gradients: (batch: Batch, pass: number) => Gradients;
  /** Runs work that ends before it returns on the engine of the variables. */
  compute: <T>(work: () => T) => T;
  /** Batches of a whole group: an epoch's last may be smaller. */
  passesAStep: number;
  /** Trainable parameters by name. */
  variables: ReadonlyMap<string, tf.Variable>;
  optimizer: AdamW;
  schedule: Schedule;
  /** Global norm that gradients are scaled down to; left out, they are taken as they are. */
  maxGradNorm?: number | undefined;
  /** Steps done before; the first step yielded is the next one. */
  startStep: number;
}

/** Of a batch, or the mean of several. */
export interface Gradients {
  value: tf.Scalar;
  /** By parameter name; parameters that the loss does not depend on have none. */
  gradients: Map<string, tf.Tensor>;
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

const TRAINING = {
  groups: OBJECT,
  compute: CALLBACK,
  gradients: CALLBACK,
  passesAStep: COUNT,
  variables: MAP,
  optimizer: OBJECT,
  schedule: CALLBACK,
  startStep: INDEX,
};

/** One yield a step, in order. Breaking out of the loop stops the run after a whole step. */
export async function* train<Batch>(training: Training<Batch>): AsyncGenerator<Step<Batch>> {
  requireKind(training, OBJECT, 'training');
  for (const [name, kind] of Object.entries(TRAINING)) {
    requireKind((training as unknown as Record<string, unknown>)[name], kind, name);
  }
  const { groups, compute, variables, optimizer, schedule, maxGradNorm, passesAStep } = training;
  let step = training.startStep;
  for await (const group of groups) {
    const { value, gradients, norm } = compute(() => {
      const found = gradientStep(group, (batch, i) => training.gradients(batch, step * passesAStep + i));
      return { value: found.value, ...clip(found.gradients, maxGradNorm) };
    });
    const lr = schedule(step);
    let mean: number;
    let gradNorm: number | undefined;
    try {
      mean = (await value.data())[0] as number;
      gradNorm = norm && ((await norm.data())[0] as number);
      if (Number.isFinite(mean) && Number.isFinite(gradNorm ?? 0)) {
        compute(() => optimizer.step(variables, gradients, lr));
      }
    } finally {
      tf.dispose([value, ...gradients.values()]);
      norm?.dispose();
    }
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

/** Mean over a group of batches of the loss and of its gradients. The one place a data-parallel run would average. */
export function gradientStep<Batch>(
  group: readonly Batch[],
  gradientsOfBatch: (batch: Batch, index: number) => Gradients,
): Gradients {
  const gradients = new Map<string, tf.Tensor>();
  let value: tf.Scalar | undefined;
  for (const [i, batch] of group.entries()) {
    try {
      const share = gradientsOfBatch(batch, i);
      value = addInto(value, share.value);
      sumGradients(gradients, share.gradients);
    } catch (error) {
      tf.dispose([...(value ? [value] : []), ...gradients.values()]);
      throw error;
    }
  }
  if (!value) throw new Error('internal: a step of no batch');
  if (group.length === 1) return { value, gradients };
  for (const [name, sum] of gradients) gradients.set(name, divided(sum, group.length));
  return { value: divided(value, group.length), gradients };
}

/** Takes ownership of the shares. */
export function sumGradients(sums: Map<string, tf.Tensor>, shares: ReadonlyMap<string, tf.Tensor>): void {
  for (const [name, share] of shares) sums.set(name, addInto(sums.get(name), share));
}

/**
 * tf.variableGrads by parameter name. Where the forward pass fails (no memory, a bad token id), what TF.js kept for the
 * backward pass is freed, and `held` with it.
 */
export function gradientsOf(
  loss: () => tf.Scalar,
  variables: ReadonlyMap<string, tf.Variable>,
  held: readonly tf.Tensor[] = [],
): Gradients {
  try {
    const { value, grads } = tf.variableGrads(loss, [...variables.values()]);
    const found = [...variables].flatMap(([name, variable]): [string, tf.Tensor][] => {
      const gradient = grads[variable.name] as tf.Tensor | undefined;
      return gradient ? [[name, gradient]] : [];
    });
    return { value, gradients: new Map(found) };
  } catch (error) {
    const { state } = tf.engine();
    for (const { saved } of state.activeTape ?? []) tf.dispose(saved ?? []);
    state.activeTape = null as unknown as typeof state.activeTape; // as after a pass that went well
    tf.dispose([...held]);
    throw error;
  }
}

/** Takes ownership. */
function divided<T extends tf.Tensor>(x: T, by: number): T {
  const result = tf.div(x, by) as T;
  x.dispose();
  return result;
}

/** Takes ownership of both. */
function addInto<T extends tf.Tensor>(sum: T | undefined, more: T): T {
  if (!sum) return more;
  const result = tf.add(sum, more) as T;
  tf.dispose([sum, more]);
  return result;
}
