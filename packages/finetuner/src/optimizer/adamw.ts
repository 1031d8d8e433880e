/** AdamW with state by parameter name; agrees with torch.optim.AdamW. */

import * as tf from '@tensorflow/tfjs-core';
import {
  adamW,
  assignParameters,
  downloadParameters,
  type HostTensor,
  ModelError,
  type Moments,
  OptionError,
  type StoredTensor,
} from '@uniem/core';

import { CALLBACK, type Kind, requireKind, requireOptions } from '@uniem/core/arguments';

import { AT_LEAST_0 } from '../arguments.ts';

/** A parameter's moments, and how many updates they have seen (one thawed late starts at 0). */
interface State extends Moments {
  t: number;
}

export interface AdamWOptions {
  beta1?: number;
  beta2?: number;
  eps?: number;
  weightDecay?: number;
  /** What a parameter's learning rate is multiplied by; 1 if left out. */
  lrFactor?: (name: string) => number;
}

const BELOW_1: Kind = { name: 'a number from 0 below 1', is: (value) => AT_LEAST_0.is(value) && (value as number) < 1 };
const OPTIONS = { beta1: BELOW_1, beta2: BELOW_1, eps: AT_LEAST_0, weightDecay: AT_LEAST_0, lrFactor: CALLBACK };

/** uniem's no_decay_keywords. */
const NO_DECAY = ['bias', 'LayerNorm', 'layernorm'];

export class AdamW {
  readonly #states = new Map<string, State>();
  readonly #options: Required<AdamWOptions>;

  constructor(options: AdamWOptions = {}) {
    requireOptions(options, OPTIONS, 'AdamW');
    this.#options = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01, lrFactor: () => 1, ...options };
  }

  /** One update of every variable that has a gradient; `bias`, `LayerNorm` and `layernorm` in a name mean no decay. */
  step(variables: ReadonlyMap<string, tf.Variable>, gradients: ReadonlyMap<string, tf.Tensor>, lr: number): void {
    for (const [name, map] of Object.entries({ variables, gradients })) {
      requireKind(map, { name: 'a Map', is: (value) => value instanceof Map }, name);
    }
    requireKind(lr, AT_LEAST_0, 'lr');
    for (const [name, gradient] of gradients) {
      const variable = variables.get(name);
      if (!variable)
        throw new OptionError(`a gradient for ${name}, which is no variable`, 'gradients', 'give its variable');
      const state = this.#stateOf(name, variable);
      state.t += 1;
      const weightDecay = NO_DECAY.some((word) => name.includes(word)) ? 0 : this.#options.weightDecay;
      const { beta1, beta2, eps, lrFactor } = this.#options;
      adamW(variable, gradient, state, { beta1, beta2, eps, weightDecay, lr: lr * lrFactor(name), t: state.t });
    }
  }

  #stateOf(name: string, like: tf.Variable): State {
    const known = this.#states.get(name);
    if (known) return known;
    const zeros = () => tf.tidy(() => tf.variable(tf.zerosLike(like), false)); // variable() copies its initial value
    const state = { m: zeros(), v: zeros(), t: 0 };
    this.#states.set(name, state);
    return state;
  }

  /** The moments, `m.` and `v.` before a parameter's name, and the number of updates by its name. */
  async state(): Promise<{ moments: Map<string, HostTensor>; updates: Record<string, number> }> {
    const variables = [...this.#states].flatMap(([name, { m, v }]): [string, tf.Variable][] => [
      [`m.${name}`, m],
      [`v.${name}`, v],
    ]);
    const updates = Object.fromEntries([...this.#states].map(([name, { t }]) => [name, t]));
    return { moments: await downloadParameters(new Map(variables)), updates };
  }

  /** Goes on from what `state` gave for these variables. */
  restore(
    variables: ReadonlyMap<string, tf.Variable>,
    moments: ReadonlyMap<string, StoredTensor>,
    updates: Readonly<Record<string, number>>,
    path: string,
  ): void {
    for (const [name, t] of Object.entries(updates)) {
      const variable = variables.get(name);
      if (!variable) throw new ModelError(`moments of ${name}, which does not train`, path, 'use the same strategy');
      const state = this.#stateOf(name, variable);
      state.t = t;
      const pair = new Map([
        [`m.${name}`, state.m],
        [`v.${name}`, state.v],
      ]);
      assignParameters(pair, moments, path);
    }
  }

  /** Frees the moments. */
  dispose(): void {
    for (const { m, v } of this.#states.values()) tf.dispose([m, v]);
    this.#states.clear();
  }
}
