/** Distillation: what another model made of the same texts, vectors or scores. N records, C candidates, H hidden units. */

import * as tf from '@tensorflow/tfjs-core';

import { OBJECT, oneOf } from '@uniem/hub/arguments';

import { NUMBERS, POSITIVE, requireKind, requireOptions } from '../arguments.ts';
import { OptionError } from '../errors.ts';
import {
  DEFAULT_TEMPERATURE,
  SCORE_LOSS_TYPES,
  type ScoreLossType,
  VECTOR_LOSS_TYPES,
  type VectorLossType,
} from '../names.ts';
import { cosineMatrix, cosineRows } from '../operations/similarity.ts';
import { MATRIX, requireRows, requireWidth } from '../tensor-arguments.ts';

/**
 *   mse      mean of (e − v)² over all N·H values      MSELoss of sentence-transformers
 *   cosine   mean_i (1 − cos(e_i, v_i))                EmbedDistillLoss with distance_metric 'cosine'
 *
 * @param embeddings float32 [N, H]
 * @param vectors float32 [N, H]; row i belongs to embedding i.
 * @returns Scalar.
 */
export function distillationLoss(
  embeddings: tf.Tensor2D,
  vectors: tf.Tensor2D,
  type: VectorLossType = 'mse',
): tf.Scalar {
  requireRows({ embeddings, vectors });
  requireKind(type, oneOf(...VECTOR_LOSS_TYPES), 'type');
  return tf.tidy(() => {
    if (type === 'mse') return tf.mean(tf.square(tf.sub(embeddings, vectors))) as tf.Scalar;
    return tf.sub(1, tf.mean(cosineRows(embeddings, vectors))) as tf.Scalar;
  });
}

/** What a teacher scored: a record has its positive and as many negatives as it likes. */
export interface TeacherScores {
  /** float32 [C]: the positives of the N records, then all negatives. */
  scores: ArrayLike<number>;
  /** [C]: the record of each candidate; that of positive i is i. */
  owners: ArrayLike<number>;
}

export interface ScoreLossOptions {
  type?: ScoreLossType | undefined;
  /** Divides the student's cosines before the softmax. */
  temperature?: number | undefined;
  /** Divides the teacher's scores before the softmax. */
  teacherTemperature?: number | undefined;
}

const SCORE_OPTIONS = { type: oneOf(...SCORE_LOSS_TYPES), temperature: POSITIVE, teacherTemperature: POSITIVE };

/**
 * Over each record's own candidates c, with the teacher's scores t:
 *
 *   kl           mean_i Σ_c p_ic·(log p_ic − log q_ic), where p_i = softmax_c(t_ic / teacherTemperature) and
 *                q_i = softmax_c(cos(x_i, y_c) / temperature)
 *   margin_mse   mean over all negatives n of ((x_i·y_i − x_i·y_n) − (t_i − t_n))², with dot products
 *
 * kl has the gradient of FlagEmbedding's knowledge distillation, and that of DistillKLDivLoss but for its factor
 * temperature²; margin_mse is MarginMSELoss.
 *
 * @param texts float32 [N, H]
 * @param candidates float32 [C, H]: the N positives, then the negatives.
 * @returns Scalar.
 */
export function scoreDistillationLoss(
  texts: tf.Tensor2D,
  candidates: tf.Tensor2D,
  teacher: TeacherScores,
  options: ScoreLossOptions = {},
): tf.Scalar {
  requireKind(texts, MATRIX, 'texts');
  requireKind(candidates, MATRIX, 'candidates');
  requireWidth({ candidates, texts });
  requireTeacher(teacher, texts.shape[0], candidates.shape[0]);
  requireOptions(options, SCORE_OPTIONS, 'scoreDistillationLoss');
  const { type = 'kl', temperature = DEFAULT_TEMPERATURE, teacherTemperature = 1 } = options;
  return type === 'kl'
    ? klLoss(texts, candidates, teacher, temperature, teacherTemperature)
    : marginLoss(texts, candidates, teacher);
}

function requireTeacher(teacher: TeacherScores, N: number, C: number): void {
  requireKind(teacher, OBJECT, 'teacher');
  const { scores, owners } = teacher;
  requireKind(scores, NUMBERS, 'teacher.scores');
  requireKind(owners, NUMBERS, 'teacher.owners');
  if (scores.length !== C || owners.length !== C) {
    const what = `has ${scores.length} scores and ${owners.length} owners for ${C} candidates`;
    throw new OptionError(what, 'teacher', 'give one of each for every candidate');
  }
  const index = Array.from(owners).findIndex((owner, c) =>
    c < N ? owner !== c : !Number.isInteger(owner) || owner < 0 || owner >= N,
  );
  if (C >= N && index < 0) return;
  const what = C < N ? `are ${C} for ${N} texts` : `candidate ${index} is of record ${owners[index]}`;
  throw new OptionError(
    what,
    C < N ? 'candidates' : 'teacher.owners',
    `give the ${N} positives in the texts' order, then the negatives, each with its record`,
  );
}

function klLoss(
  texts: tf.Tensor2D,
  candidates: tf.Tensor2D,
  { scores, owners }: TeacherScores,
  temperature: number,
  teacherTemperature: number,
): tf.Scalar {
  const [N, C] = [texts.shape[0], candidates.shape[0]];
  const totals = new Float64Array(N);
  const highest = new Float64Array(N).fill(Number.NEGATIVE_INFINITY);
  const each = (visit: (c: number, owner: number, score: number) => void) => {
    for (let c = 0; c < C; c++) visit(c, owners[c] as number, (scores[c] as number) / teacherTemperature);
  };
  each((_, i, score) => {
    highest[i] = Math.max(highest[i] as number, score);
  });
  each((_, i, score) => {
    (totals[i] as number) += Math.exp(score - (highest[i] as number));
  });
  const foreign = new Float32Array(N * C).fill(1);
  const targets = new Float32Array(N * C);
  let negativeEntropy = 0;
  each((c, i, score) => {
    const log = score - (highest[i] as number) - Math.log(totals[i] as number);
    foreign[i * C + c] = 0;
    targets[i * C + c] = Math.exp(log);
    negativeEntropy += Math.exp(log) * log;
  });
  return tf.tidy(() => {
    const logits = tf.div(cosineMatrix(texts, candidates), temperature); // [N, C]
    const own = tf.sub(logits, tf.mul(tf.tensor2d(foreign, [N, C]), 1e9));
    const agreed = tf.sum(tf.mul(logits, tf.tensor2d(targets, [N, C]))); // Σ_c p_c = 1: log q_c = s_c − logsumexp s
    const crossEntropy = tf.sub(tf.sum(tf.logSumExp(own, 1)), agreed);
    return tf.div(tf.add(crossEntropy, negativeEntropy), N) as tf.Scalar;
  });
}

function marginLoss(texts: tf.Tensor2D, candidates: tf.Tensor2D, { scores, owners }: TeacherScores): tf.Scalar {
  const [N, C] = [texts.shape[0], candidates.shape[0]];
  const M = C - N;
  if (M === 0) return tf.tidy(() => tf.mul(tf.sum(texts), 0) as tf.Scalar); // no margin to learn
  const own = new Float32Array(N * M);
  const margins = new Float32Array(N * M);
  for (let n = 0; n < M; n++) {
    const i = owners[N + n] as number;
    own[i * M + n] = 1;
    margins[i * M + n] = (scores[i] as number) - (scores[N + n] as number);
  }
  return tf.tidy(() => {
    const positives = tf.slice(candidates, [0, 0], [N, -1]);
    const negatives = tf.slice(candidates, [N, 0], [M, -1]);
    const found = tf.sub(tf.sum(tf.mul(texts, positives), 1, true), tf.matMul(texts, negatives, false, true)); // [N, M]
    const errors = tf.mul(tf.sub(found, tf.tensor2d(margins, [N, M])), tf.tensor2d(own, [N, M]));
    return tf.div(tf.sum(tf.square(errors)), M) as tf.Scalar;
  });
}
