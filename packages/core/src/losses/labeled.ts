/** Losses of texts with classes: texts of one class belong together. N texts, P pairs of one class, H hidden units. */

import * as tf from '@tensorflow/tfjs-core';

import { oneOf } from '@uniem/hub/arguments';

import { NUMBERS, POSITIVE, requireKind, requireOptions } from '../arguments.ts';
import { OptionError } from '../errors.ts';
import { DEFAULT_TEMPERATURE, DEFAULT_TRIPLET_MARGIN, LABELED_LOSS_TYPES, type LabeledLossType } from '../names.ts';
import { differentiable } from '../operations/differentiable.ts';
import { cosineMatrix } from '../operations/similarity.ts';
import { MATRIX } from '../tensor-arguments.ts';

export interface LabeledLossOptions {
  type?: LabeledLossType | undefined;
  /** Of supcon: divides cosines. */
  temperature?: number | undefined;
  /** Of batch_all_triplet: how much nearer than a text of another class one of the same has to be. */
  margin?: number | undefined;
}

const OPTIONS = { type: oneOf(...LABELED_LOSS_TYPES), temperature: POSITIVE, margin: POSITIVE };

/**
 *   supcon              mean over texts i with others of their class of
 *                       −mean_p log(exp(s_ip) / Σ_{a≠i} exp(s_ia)), s = cos / temperature    L_out of arXiv 2004.11362
 *   batch_all_triplet   mean of max(0, d_ap − d_an + margin) over the triplets where it is above 0, d Euclidean
 *                       BatchAllTripletLoss of sentence-transformers; arXiv 1703.07737
 *
 * @param embeddings float32 [N, H]
 * @param classes [N], alike for texts of one class.
 * @returns Scalar; 0 where no two texts are of one class.
 */
export function labeledLoss(
  embeddings: tf.Tensor2D,
  classes: ArrayLike<number>,
  options: LabeledLossOptions = {},
): tf.Scalar {
  requireKind(embeddings, MATRIX, 'embeddings');
  requireKind(classes, NUMBERS, 'classes');
  if (classes.length !== embeddings.shape[0]) {
    throw new OptionError(
      `are ${classes.length} for ${embeddings.shape[0]} texts`,
      'classes',
      'give one for each text',
    );
  }
  requireOptions(options, OPTIONS, 'labeledLoss');
  const { type = 'supcon', temperature = DEFAULT_TEMPERATURE, margin = DEFAULT_TRIPLET_MARGIN } = options;
  return tf.tidy(() => {
    const pairs = pairsOf(classes);
    if (pairs.length === 0) return tf.mul(tf.sum(embeddings), 0) as tf.Scalar;
    return type === 'supcon'
      ? supConLoss(embeddings, classes, temperature)
      : batchAllTripletLoss(embeddings, classes, pairs, margin);
  });
}

/** Every text with every other of its class. */
function pairsOf(classes: ArrayLike<number>): [anchor: number, positive: number][] {
  const pairs: [number, number][] = [];
  for (let i = 0; i < classes.length; i++) {
    for (let j = 0; j < classes.length; j++) if (i !== j && classes[i] === classes[j]) pairs.push([i, j]);
  }
  return pairs;
}

function supConLoss(embeddings: tf.Tensor2D, classes: ArrayLike<number>, temperature: number): tf.Scalar {
  const N = classes.length;
  const weights = new Float32Array(N * N); // 1 / (positives of i · texts with positives)
  const has = new Float32Array(N);
  for (const [i] of pairsOf(classes)) (has[i] as number) += 1;
  const anchors = has.filter((count) => count > 0).length;
  for (const [i, j] of pairsOf(classes)) weights[i * N + j] = 1 / ((has[i] as number) * anchors);
  const similarities = tf.div(cosineMatrix(embeddings, embeddings), temperature); // [N, N]
  const others = tf.sub(similarities, tf.mul(tf.eye(N), 1e9));
  const totals = tf.logSumExp(others, 1); // [N]
  const counted = tf.tensor1d(has.map((count) => (count > 0 ? 1 / anchors : 0)));
  const agreed = tf.sum(tf.mul(similarities, tf.tensor2d(weights, [N, N])));
  return tf.sub(tf.sum(tf.mul(totals, counted)), agreed) as tf.Scalar;
}

/** Pairs by all texts, as sentence-transformers has it: [P, N] instead of all N³ triplets. */
function batchAllTripletLoss(
  embeddings: tf.Tensor2D,
  classes: ArrayLike<number>,
  pairs: readonly [number, number][],
  margin: number,
): tf.Scalar {
  const [P, N] = [pairs.length, classes.length];
  const [anchors, positives, negatives] = [0, 0, 0].map(() => new Float32Array(P * N)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  pairs.forEach(([anchor, positive], row) => {
    anchors[row * N + anchor] = 1;
    positives[row * N + positive] = 1;
    for (let n = 0; n < N; n++) if (classes[n] !== classes[anchor]) negatives[row * N + n] = 1;
  });
  const rows = tf.matMul(tf.tensor2d(anchors, [P, N]), distances(embeddings)); // [P, N], of each pair's anchor
  const own = tf.sum(tf.mul(rows, tf.tensor2d(positives, [P, N])), 1, true); // [P, 1]
  const short = tf.mul(tf.add(tf.sub(own, rows), margin), tf.tensor2d(negatives, [P, N]));
  const losses = tf.relu(short) as tf.Tensor2D;
  const count = tf.sum(choice(losses, (values) => tf.greater(values, 1e-16)));
  return tf.div(tf.sum(losses), tf.add(count, 1e-16)) as tf.Scalar;
}

/** Euclidean, [N, N]; where two embeddings are equal it is 0 and has no gradient. */
function distances(embeddings: tf.Tensor2D): tf.Tensor2D {
  const squares = tf.sum(tf.square(embeddings), 1, true); // [N, 1]
  const products = tf.matMul(embeddings, embeddings, false, true);
  const squared = tf.relu(tf.add(tf.sub(squares, tf.mul(products, 2)), tf.transpose(squares))) as tf.Tensor2D;
  const N = embeddings.shape[0];
  const zero = tf.maximum(
    choice(squared, (values) => tf.lessEqual(values, 0)),
    tf.eye(N),
  ); // rounding leaves the diagonal above 0
  return tf.mul(tf.sqrt(tf.add(squared, zero)), tf.sub(1, zero)) as tf.Tensor2D;
}

/** 1 where a condition holds: a choice, which has no gradient. */
function choice(x: tf.Tensor2D, condition: (x: tf.Tensor2D) => tf.Tensor): tf.Tensor2D {
  return differentiable(
    { x },
    () => tf.tidy(() => tf.cast(condition(x), 'float32')),
    () => ({ x: () => tf.zeros(x.shape) }),
  ) as tf.Tensor2D;
}
