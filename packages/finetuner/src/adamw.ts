/** AdamW with state by parameter name; agrees with torch.optim.AdamW. */

import * as tf from '@tensorflow/tfjs';

/** First and second moment, and how many updates they have seen (a parameter thawed late starts at 0). */
interface Moments {
  m: tf.Variable;
  v: tf.Variable;
  t: number;
}

export interface AdamWOptions {
  beta1?: number;
  beta2?: number;
  eps?: number;
  weightDecay?: number;
}

/** uniem's no_decay_keywords. */
const NO_DECAY = ['bias', 'LayerNorm', 'layernorm'];

export class AdamW {
  readonly #moments = new Map<string, Moments>();
  readonly #options: Required<AdamWOptions>;

  constructor(options: AdamWOptions = {}) {
    this.#options = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01, ...options };
  }

  /**
   * One update of every variable that has a gradient:
   *
   *   θ ← θ·(1 − lr·λ),  m ← β₁m + (1 − β₁)g,  v ← β₂v + (1 − β₂)g²,  θ ← θ − lr/(1 − β₁ᵗ)·m / (√v/√(1 − β₂ᵗ) + ε)
   *
   * λ is 0 for parameters whose names hold `bias`, `LayerNorm` or `layernorm`. Source: arXiv 1711.05101.
   */
  step(variables: ReadonlyMap<string, tf.Variable>, gradients: ReadonlyMap<string, tf.Tensor>, lr: number): void {
    const { beta1, beta2, eps, weightDecay } = this.#options;
    for (const [name, gradient] of gradients) {
      const variable = variables.get(name);
      if (!variable) throw new Error(`internal: a gradient for ${name}, which is no parameter`);
      const state = this.#momentsOf(name, variable);
      const { m, v } = state;
      const t = ++state.t;
      const decay = NO_DECAY.some((word) => name.includes(word)) ? 0 : weightDecay;
      tf.tidy(() => {
        m.assign(tf.add(tf.mul(m, beta1), tf.mul(gradient, 1 - beta1)));
        v.assign(tf.add(tf.mul(v, beta2), tf.mul(tf.square(gradient), 1 - beta2)));
        const denominator = tf.add(tf.mul(tf.sqrt(v), 1 / Math.sqrt(1 - beta2 ** t)), eps);
        const update = tf.mul(tf.div(m, denominator), lr / (1 - beta1 ** t));
        const kept = decay === 0 ? variable : tf.mul(variable, 1 - lr * decay);
        variable.assign(tf.sub(kept, update));
      });
    }
  }

  #momentsOf(name: string, like: tf.Variable): Moments {
    const known = this.#moments.get(name);
    if (known) return known;
    const zeros = () => tf.tidy(() => tf.variable(tf.zerosLike(like), false)); // variable() copies its initial value
    const state = { m: zeros(), v: zeros(), t: 0 };
    this.#moments.set(name, state);
    return state;
  }

  /** Frees the moments. */
  dispose(): void {
    for (const { m, v } of this.#moments.values()) tf.dispose([m, v]);
    this.#moments.clear();
  }
}
