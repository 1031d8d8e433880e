/**
 * Multinomial logistic regression with an L2 penalty, fitted to its optimum: sklearn.linear_model.LogisticRegression
 * with its defaults (C = 1, the intercept not penalized). N vectors, H values, K classes. Of two classes the first one's
 * score is 0, as there: a row for each would halve the penalty.
 */

const MOST_ITERATIONS = 1000;
const TOLERANCE = 1e-5; // largest value of the gradient
const MEMORY = 10; // pairs of L-BFGS

export interface LogisticRegression {
  classes: unknown[];
  /** One row a class: H weights, then the intercept. */
  weights: Float64Array[];
}

/** @param x [N, H] */
export function fitLogisticRegression(x: readonly ArrayLike<number>[], labels: readonly unknown[]): LogisticRegression {
  const classes = [...new Set(labels)].sort();
  const targets = labels.map((label) => classes.indexOf(label));
  const width = (x[0]?.length ?? 0) + 1;
  const fixed = classes.length === 2 ? 1 : 0;
  const objective = (point: Float64Array) => lossAndGradient(point, x, targets, classes.length, width, fixed);
  const point = minimize(objective, new Float64Array((classes.length - fixed) * width));
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
  for (let j = 0; j < point.length; j++) {
    if (j % width === width - 1) continue;
    const weight = point[j] as number;
    loss += (weight * weight) / 2;
    (gradient[j] as number) += weight;
  }
  return { loss, gradient };
}

/** L-BFGS with a backtracking line search, for a convex function. Source: Nocedal & Wright, algorithms 7.4 and 7.5. */
function minimize(objective: (point: Float64Array) => Value, start: Float64Array): Float64Array {
  let point = start;
  let value = objective(point);
  const history: { s: Float64Array; y: Float64Array }[] = [];
  for (let iteration = 0; iteration < MOST_ITERATIONS; iteration++) {
    if (value.gradient.every((slope) => Math.abs(slope) <= TOLERANCE)) break;
    const direction = towards(value.gradient, history);
    const slope = dot(direction, value.gradient);
    let step = history.length === 0 ? 1 / Math.sqrt(dot(value.gradient, value.gradient)) : 1;
    let next = point;
    let after = value;
    for (; step > 1e-12; step /= 2) {
      next = point.map((p, i) => p + step * (direction[i] as number));
      after = objective(next);
      if (after.loss <= value.loss + 1e-4 * step * slope) break;
    }
    if (!(after.loss < value.loss)) break; // no number is better any more
    const s = next.map((p, i) => p - (point[i] as number));
    const y = after.gradient.map((g, i) => g - (value.gradient[i] as number));
    if (dot(s, y) > 1e-12) history.push({ s, y });
    if (history.length > MEMORY) history.shift();
    [point, value] = [next, after];
  }
  return point;
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
