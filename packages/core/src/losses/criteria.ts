/** The losses of uniem's criteria.py, and what people add to them. N records of a batch, H hidden units. */

import * as tf from '@tensorflow/tfjs-core';

import { FLAG, NUMBER, OBJECT, oneOf } from '@uniem/hub/arguments';

import { POSITIVE, requireKind, requireOptions } from '../arguments.ts';
import { OptionError } from '../errors.ts';
import { DEFAULT_TEMPERATURE, IN_BATCH_LOSS_TYPES, type InBatchLossType } from '../names.ts';
import { coSent } from '../operations/co-sent.ts';
import { differentiable } from '../operations/differentiable.ts';
import { inBatchSoftmax } from '../operations/in-batch-softmax.ts';
import { cosineMatrix, cosineRows } from '../operations/similarity.ts';
import { MATRIX, requireRows, requireWidth, VECTOR } from '../tensor-arguments.ts';

export interface InBatchOptions {
  type?: InBatchLossType | undefined;
  temperature?: number | undefined;
  /** The mean of this loss and the pair loss of positives against texts. */
  symmetric?: boolean | undefined;
  /** Negatives whose cosine is above the positive's less this count for nothing: GISTEmbedLoss, its own guide. */
  margin?: number | undefined;
  /** Negatives that count for nothing, 1 for each: float32 [N, negatives] to a text, [N, N] to a positive. */
  ignored?: { toText: tf.Tensor2D; toPositive: tf.Tensor2D } | undefined;
}

const IN_BATCH = {
  type: oneOf(...IN_BATCH_LOSS_TYPES),
  temperature: POSITIVE,
  symmetric: FLAG,
  margin: NUMBER,
  ignored: OBJECT,
};
const TRIPLET = { ...IN_BATCH, swap: FLAG, inBatchPositives: FLAG };

export interface TripletOptions extends InBatchOptions {
  /** Adds the pair loss of positives against texts: uniem's add_swap_loss. */
  swap?: boolean | undefined;
  /** Other records' positives are negatives too, as in MultipleNegativesRankingLoss; `ignored.toText` has them first. */
  inBatchPositives?: boolean | undefined;
}

/**
 * In-batch loss of pairs: record i's positive against the other N − 1 positives, s_ij = cos(t_i, p_j) / temperature.
 *
 *   softmax   mean_i −log softmax_j(s_i)[i]      InfoNCE; MultipleNegativesRankingLoss with scale = 1 / temperature
 *   sigmoid   −Σ_{i≠j} log σ(s_ii − s_ij) / (N² − N)
 *   cosent    mean_i log Σ_j exp(s_ij − s_ii)    equal to softmax
 *
 * @param text float32 [N, H], not necessarily normalized
 * @param positive float32 [N, H]; row i belongs to text i.
 * @returns Scalar.
 */
export function pairLoss(text: tf.Tensor2D, positive: tf.Tensor2D, options: InBatchOptions = {}): tf.Scalar {
  requireRows({ text, positive });
  requireOptions(options, IN_BATCH, 'pairLoss');
  return tf.tidy(() => {
    const loss = pairsOneWay(text, positive, options, options.ignored?.toText);
    return options.symmetric ? mean(loss, pairsOneWay(positive, text, options, options.ignored?.toPositive)) : loss;
  });
}

/**
 * In-batch loss of triplets: record i's positive against the negatives of all records, p_i = cos(t_i, pos_i) /
 * temperature, n_ij = cos(t_i, neg_j) / temperature.
 *
 *   softmax, cosent   mean_i log(1 + Σ_j exp(n_ij − p_i))
 *   sigmoid           mean_ij −log σ(p_i − n_ij)
 *
 * @param negatives float32 [M, H], whichever records they are of.
 * @returns Scalar.
 */
export function tripletLoss(
  text: tf.Tensor2D,
  positive: tf.Tensor2D,
  negatives: tf.Tensor2D,
  options: TripletOptions = {},
): tf.Scalar {
  requireRows({ text, positive });
  requireKind(negatives, MATRIX, 'negatives');
  requireWidth({ negatives, text });
  requireOptions(options, TRIPLET, 'tripletLoss');
  const { ignored, symmetric, swap, inBatchPositives } = options;
  return tf.tidy(() => {
    const own = cosineRows(text, positive);
    const cosines = cosineMatrix(text, inBatchPositives ? tf.concat([positive, negatives], 0) : negatives);
    const mask = inBatchPositives ? sum(ownColumns(cosines.shape), ignored?.toText) : ignored?.toText;
    const loss = against(own, cosines, mask, options);
    if (!symmetric && !swap) return loss;
    const back = pairsOneWay(positive, text, options, ignored?.toPositive);
    return symmetric ? mean(loss, back) : (tf.add(loss, back) as tf.Scalar);
  });
}

function pairsOneWay(text: tf.Tensor2D, positive: tf.Tensor2D, options: InBatchOptions, ignored?: tf.Tensor2D) {
  const { type = 'softmax', temperature = DEFAULT_TEMPERATURE, margin } = options;
  const cosines = cosineMatrix(text, positive); // [N, N]
  if (type !== 'sigmoid' && !ignored && margin === undefined) {
    return inBatchSoftmax(tf.div(cosines, temperature) as tf.Tensor2D);
  }
  const identity = ownColumns(cosines.shape);
  const own = tf.sum(tf.mul(cosines, identity), 1) as tf.Tensor1D;
  return against(own, cosines, sum(identity, ignored), options);
}

/**
 * Every positive against the negatives that count.
 *
 * @param own float32 [N], cosines to the positives.
 * @param cosines float32 [N, M]
 * @param ignored float32 [N, M], above 0 where one does not count.
 */
function against(own: tf.Tensor1D, cosines: tf.Tensor2D, ignored: tf.Tensor2D | undefined, options: InBatchOptions) {
  const { type = 'softmax', temperature = DEFAULT_TEMPERATURE, margin } = options;
  const column = tf.expandDims(own, 1) as tf.Tensor2D; // [N, 1]
  const differences = tf.div(tf.sub(cosines, column), temperature); // [N, M]
  const mask = margin === undefined ? ignored : sum(above(cosines, column, margin), ignored);
  if (type !== 'sigmoid') {
    const counted = mask ? tf.sub(differences, tf.mul(mask, 1e9)) : differences;
    return tf.mean(tf.logSumExp(tf.concat([tf.zerosLike(column), counted], 1), 1)) as tf.Scalar;
  }
  const losses = tf.softplus(differences); // −log σ(−x)
  if (!mask) return tf.mean(losses) as tf.Scalar;
  const counts = tf.cast(tf.lessEqual(mask, 0), 'float32');
  return tf.div(tf.sum(tf.mul(losses, counts)), tf.maximum(tf.sum(counts), 1)) as tf.Scalar; // one pair has no negative
}

/** 1 where a cosine is above its row's own less the margin: a choice, which has no gradient. */
function above(cosines: tf.Tensor2D, own: tf.Tensor2D, margin: number): tf.Tensor2D {
  return differentiable(
    { cosines, own },
    () => tf.tidy(() => tf.cast(tf.greater(cosines, tf.sub(own, margin)), 'float32')),
    () => ({ cosines: () => tf.zeros(cosines.shape), own: () => tf.zeros(own.shape) }),
  ) as tf.Tensor2D;
}

/** 1 at [i, i], where a record meets its own positive. */
function ownColumns([N, M]: [number, number]): tf.Tensor2D {
  return tf.eye(N, M);
}

const sum = (a: tf.Tensor2D, b: tf.Tensor2D | undefined) => (b ? (tf.add(a, b) as tf.Tensor2D) : a);
const mean = (a: tf.Scalar, b: tf.Scalar) => tf.div(tf.add(a, b), 2) as tf.Scalar;

/**
 * CoSent: the cosine of a pair with a higher label must be above that of every pair with a lower one.
 *
 *   L = log(1 + Σ_{label_i > label_j} exp((cos_j − cos_i) / temperature))        Source: kexue.fm/archives/8847
 *
 * @param first float32 [N, H]
 * @param second float32 [N, H]
 * @param labels float32 [N]; only their order counts.
 * @returns Scalar.
 */
export function coSentLoss(
  first: tf.Tensor2D,
  second: tf.Tensor2D,
  labels: tf.Tensor1D,
  temperature = DEFAULT_TEMPERATURE,
): tf.Scalar {
  requireRows({ first, second });
  requireKind(labels, VECTOR, 'labels');
  if (labels.size !== first.shape[0]) {
    throw new OptionError(`are ${labels.size} for ${first.shape[0]} pairs`, 'labels', 'give one for each pair');
  }
  requireKind(temperature, POSITIVE, 'temperature');
  return tf.tidy(() => {
    const scores = tf.div(cosineRows(first, second), temperature) as tf.Tensor1D; // [N]
    return coSent(scores, labels);
  });
}
