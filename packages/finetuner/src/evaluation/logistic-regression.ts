/**
 * Multinomial logistic regression with an L2 penalty, fitted to its optimum: sklearn.linear_model.LogisticRegression
 * with its defaults (C = 1, the intercept not penalized). N vectors, H values, K classes. Of two classes the first one's
 * score is 0, as there: a row for each would halve the penalty.
 *
 * Most of the way goes by float32 products on the engine; the last steps, which decide how good the optimum is, by
 * float64 sums.
 */

import * as tf from '@tensorflow/tfjs-core';
import { ensureEngine } from '@uniem/core';

const MOST_ITERATIONS = 1000;
const TOLERANCE = 1e-5; // largest value of the gradient
/** Where float32 gradients of so many vectors still say which way is down, a vector. */
const ROUGH_TOLERANCE = 1e-7;
const MEMORY = 10; // pairs of L-BFGS

export interface LogisticRegression {
  classes: unknown[];
  /** One row a class: H weights, then the intercept. */
  weights: Float64Array[];
}

/** @param x [N, H] */
export async function fitLogisticRegression(
  x: readonly ArrayLike<number>[],
  labels: readonly unknown[],
): Promise<LogisticRegression> {
  const classes = [...new Set(labels)].sort();
  const indices = new Map(classes.map((name, k) => [name, k]));
  const targets = labels.map((label) => indices.get(label) as number);
  const width = (x[0]?.length ?? 0) + 1;
  const fixed = classes.length === 2 ? 1 : 0;
  const start = new Float64Array((classes.length - fixed) * width);
  const rough = await roughly(x, targets, classes.length, width, fixed, start);
  const objective = async (point: Float64Array) => lossAndGradient(point, x, targets, classes.length, width, fixed);
  const { point } = await minimize(objective, rough, TOLERANCE);
  const rowOf = (k: number) => (k < 0 ? new Float64Array(width) : point.slice(k * width, (k + 1) * width));
  return { classes, weights: classes.map((_, k) => rowOf(k - fixed)) };
}

/** Probabilities by class, in the model's order. */
export function probabilities({ weights }: LogisticRegression, x: ArrayLike<number>): number[] {
  return softmax(weights.map((row) => score(row, 0, x)));
}

/** The class with the highest probability. */
export function predict(model: LogisticRegression, x: ArrayLike<number>): unknown {
  const found = probabilities(model, x);
  return model.classes[found.indexOf(Math.max(...found))];
}

function score(weights: Float64Array, at: number, x: ArrayLike<number>): number {
  let sum = weights[at + x.length] as number; // the intercept
  for (let i = 0; i < x.length; i++) sum += (weights[at + i] as number) * (x[i] as number);
  return sum;
}

function softmax(scores: readonly number[]): number[] {
  const highest = Math.max(...scores);
  const powers = scores.map((one) => Math.exp(one - highest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

interface Value {
  loss: number;
  gradient: Float64Array;
}

/** Σ −log p(target) + ½‖w‖², the intercepts left out of the norm. @param fixed Classes, the first, whose score is 0. */
function lossAndGradient(
  point: Float64Array,
  x: readonly ArrayLike<number>[],
  targets: readonly number[],
  K: number,
  width: number,
  fixed: number,
): Value {
  const gradient = new Float64Array(point.length);
  let loss = 0;
  x.forEach((row, n) => {
    const found = softmax(
      Array.from({ length: K }, (_, k) => (k < fixed ? 0 : score(point, (k - fixed) * width, row))),
    );
    loss -= Math.log(Math.max(found[targets[n] as number] as number, Number.MIN_VALUE));
    for (let k = fixed; k < K; k++) {
      const error = (found[k] as number) - (k === targets[n] ? 1 : 0);
      const start = (k - fixed) * width;
      for (let i = 0; i < width - 1; i++) (gradient[start + i] as number) += error * (row[i] as number);
      (gradient[start + width - 1] as number) += error;
    }
  });
  return { loss: loss + penalty(point, width, gradient), gradient };
}

/** Near the optimum, by products on the engine. */
async function roughly(
  x: readonly ArrayLike<number>[],
  targets: readonly number[],
  K: number,
  width: number,
  fixed: number,
  start: Float64Array,
): Promise<Search> {
  const [N, H, rows] = [x.length, width - 1, K - fixed];
  if (N === 0 || H === 0) return { point: start, history: [] };
  await ensureEngine();
  const values = new Float32Array(N * H);
  x.forEach((row, n) => {
    values.set(row, n * H);
  });
  const table = tf.tensor2d(values, [N, H]);
  const objective = async (point: Float64Array): Promise<Value> => {
    const weights = new Float32Array(rows * H);
    for (let k = 0; k < rows; k++) weights.set(point.subarray(k * width, k * width + H), k * H);
    const scores = await valuesOf(() => tf.matMul(table, tf.tensor2d(weights, [rows, H]), false, true)); // [N, rows]
    const gradient = new Float64Array(point.length);
    let loss = 0;
    for (let n = 0; n < N; n++) {
      const own = Array.from({ length: K }, (_, k) =>
        k < fixed ? 0 : (scores[n * rows + k - fixed] as number) + (point[(k - fixed + 1) * width - 1] as number),
      );
      const found = softmax(own);
      loss -= Math.log(Math.max(found[targets[n] as number] as number, Number.MIN_VALUE));
      for (let k = fixed; k < K; k++) {
        const error = (found[k] as number) - (k === targets[n] ? 1 : 0);
        scores[n * rows + k - fixed] = error;
        (gradient[(k - fixed + 1) * width - 1] as number) += error;
      }
    }
    const slopes = await valuesOf(() => tf.matMul(tf.tensor2d(scores, [N, rows]), table, true)); // [rows, H]
    for (let k = 0; k < rows; k++) gradient.set(slopes.subarray(k * H, (k + 1) * H), k * width);
    return { loss: loss + penalty(point, width, gradient), gradient };
  };
  try {
    return await minimize(objective, { point: start, history: [] }, Math.max(TOLERANCE, ROUGH_TOLERANCE * N));
  } finally {
    table.dispose();
  }
}

async function valuesOf(make: () => tf.Tensor): Promise<Float32Array> {
  const tensor = tf.tidy(make);
  const values = (await tensor.data()) as Float32Array;
  tensor.dispose();
  return values;
}

/** ½‖w‖² without the intercepts, whose slope is added to the gradient. */
function penalty(point: Float64Array, width: number, gradient: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < point.length; j++) {
    if (j % width === width - 1) continue;
    const weight = point[j] as number;
    sum += (weight * weight) / 2;
    (gradient[j] as number) += weight;
  }
  return sum;
}

/** Where a search is: a point, and what it has learnt of the Hessian. */
interface Search {
  point: Float64Array;
  history: { s: Float64Array; y: Float64Array }[];
}

/** L-BFGS with a backtracking line search, for a convex function. Source: Nocedal & Wright, algorithms 7.4 and 7.5. */
async function minimize(
  objective: (point: Float64Array) => Promise<Value>,
  from: Search,
  tolerance: number,
): Promise<Search> {
  let { point } = from;
  let value = await objective(point);
  const history = [...from.history];
  for (let iteration = 0; iteration < MOST_ITERATIONS; iteration++) {
    if (value.gradient.every((slope) => Math.abs(slope) <= tolerance)) break;
    const direction = towards(value.gradient, history);
    const slope = dot(direction, value.gradient);
    let step = history.length === 0 ? 1 / Math.sqrt(dot(value.gradient, value.gradient)) : 1;
    let next = point;
    let after = value;
    for (; step > 1e-12; step /= 2) {
      next = point.map((p, i) => p + step * (direction[i] as number));
      after = await objective(next);
      if (after.loss <= value.loss + 1e-4 * step * slope) break;
    }
    if (!(after.loss < value.loss)) break; // no number is better any more
    const s = next.map((p, i) => p - (point[i] as number));
    const y = after.gradient.map((g, i) => g - (value.gradient[i] as number));
    if (dot(s, y) > 1e-12) history.push({ s, y });
    if (history.length > MEMORY) history.shift();
    [point, value] = [next, after];
  }
  return { point, history };
}

/** −H·gradient, H the inverse Hessian that the history tells of. */
function towards(gradient: Float64Array, history: readonly { s: Float64Array; y: Float64Array }[]): Float64Array {
  let q = gradient.map((g) => -g);
  const factors = history.map(() => 0);
  for (let i = history.length - 1; i >= 0; i--) {
    const { s, y } = history[i] as { s: Float64Array; y: Float64Array };
    const factor = dot(s, q) / dot(s, y);
    factors[i] = factor;
    q = q.map((value, j) => value - factor * (y[j] as number));
  }
  const last = history.at(-1);
  if (last) q = q.map((value) => (value * dot(last.s, last.y)) / dot(last.y, last.y));
  history.forEach(({ s, y }, i) => {
    const change = (factors[i] as number) - dot(y, q) / dot(s, y);
    q = q.map((value, j) => value + change * (s[j] as number));
  });
  return q;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
