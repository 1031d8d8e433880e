/** The loss of a batch by its record type and the run's options. N records, H hidden units. */

import * as tf from '@tensorflow/tfjs-core';
import {
  coSentLoss,
  type DropoutState,
  distillationLoss,
  type Embedder,
  type InBatchOptions,
  labeledLoss,
  matryoshkaLoss,
  normalize,
  OptionError,
  pairLoss,
  SCORE_LOSS_TYPES,
  type ScoreLossType,
  scoreDistillationLoss,
  type TeacherScores,
  type TripletOptions,
  tripletLoss,
  VECTOR_LOSS_TYPES,
  type VectorLossType,
} from '@uniem/core';
import { negativesOf, type RecordType } from '@uniem/data';
import type { RecordBatch } from '../batches/records.ts';
import { DEFAULT_OPTIONS, type ResolvedFinetuneOptions } from '../options.ts';
import { sameTexts } from './false-negatives.ts';

/** What is left out is as the options' defaults. */
export type LossOptions = Partial<
  Pick<
    ResolvedFinetuneOptions,
    | 'lossType'
    | 'temperature'
    | 'swapLoss'
    | 'symmetricLoss'
    | 'inBatchPositives'
    | 'maskSameTexts'
    | 'falseNegativeMargin'
    | 'matryoshkaDims'
    | 'matryoshkaWeights'
    | 'distillationLoss'
    | 'teacherTemperature'
    | 'contrastiveWeight'
    | 'labeledLoss'
    | 'tripletMargin'
  >
>;

/** Options that only some record types have a meaning for. */
const IN_BATCH = ['pair', 'triplet', 'scored_triplet'] as const;
const RECORD_TYPES_OF = {
  lossType: IN_BATCH,
  swapLoss: ['triplet', 'scored_triplet'],
  inBatchPositives: ['triplet', 'scored_triplet'],
  symmetricLoss: IN_BATCH,
  maskSameTexts: IN_BATCH,
  falseNegativeMargin: IN_BATCH,
  temperature: [...IN_BATCH, 'scored_pair', 'labeled_text'],
  distillationLoss: ['text_vector', 'scored_triplet'],
  teacherTemperature: ['scored_triplet'],
  contrastiveWeight: ['scored_triplet'],
  labeledLoss: ['labeled_text'],
  tripletMargin: ['labeled_text'],
} as const satisfies Partial<Record<keyof LossOptions, readonly RecordType[]>>;

/** @throws OptionError for options that the records or the model cannot honour, or that contradict each other. */
export function checkLossOptions(recordType: RecordType, options: LossOptions, dimension: number): void {
  for (const [name, types] of Object.entries(RECORD_TYPES_OF) as [keyof LossOptions, readonly RecordType[]][]) {
    if (options[name] === undefined || options[name] === DEFAULT_OPTIONS[name] || types.includes(recordType)) continue;
    throw new OptionError(
      `has no meaning for records of type ${recordType}`,
      name,
      `leave it out, or give records of type ${types.join(' or ')}`,
    );
  }
  checkDistillation(recordType, options);
  if (options.swapLoss && options.symmetricLoss) {
    throw new OptionError('cannot be given beside swapLoss', 'symmetricLoss', 'give one of them');
  }
  const { matryoshkaDims: dims = [], matryoshkaWeights: weights = [] } = options;
  const distillation = distillationOf(recordType, options);
  if (dims.length > 0 && (distillation === 'mse' || distillation === 'margin_mse')) {
    const what = `compares vectors of length 1, and ${distillation} the vectors' own lengths`;
    const other = distillation === 'mse' ? 'cosine' : 'kl';
    throw new OptionError(what, 'matryoshkaDims', `give distillationLoss '${other}', or leave it out`);
  }
  if (dims.length > 0 && recordType === 'labeled_text' && options.labeledLoss === 'batch_all_triplet') {
    const what = "compares vectors of length 1, and batch_all_triplet the vectors' own distances";
    throw new OptionError(what, 'matryoshkaDims', "give labeledLoss 'supcon', or leave it out");
  }
  const longest = Math.max(0, ...dims);
  if (longest > dimension) {
    const what = `the embeddings have ${dimension} values (received ${longest})`;
    throw new OptionError(what, 'matryoshkaDims', `give lengths of at most ${dimension}`);
  }
  if (weights.length > 0 && weights.length !== dims.length) {
    const what = `there are ${weights.length} weights for ${dims.length} matryoshkaDims`;
    throw new OptionError(what, 'matryoshkaWeights', 'give one weight a length');
  }
}

/** The loss of records that another model told something of; undefined for others. */
function distillationOf(recordType: RecordType, { distillationLoss }: LossOptions) {
  if (recordType === 'text_vector') return distillationLoss ?? VECTOR_LOSS_TYPES[0];
  return recordType === 'scored_triplet' ? (distillationLoss ?? SCORE_LOSS_TYPES[0]) : undefined;
}

/** The in-batch loss is a part of a distillation's only where contrastiveWeight says so. */
const CONTRASTIVE = [
  'lossType',
  'swapLoss',
  'inBatchPositives',
  'symmetricLoss',
  'maskSameTexts',
  'falseNegativeMargin',
];

function checkDistillation(recordType: RecordType, options: LossOptions): void {
  const type = distillationOf(recordType, options);
  if (type === undefined) return;
  const fitting: readonly string[] = recordType === 'text_vector' ? VECTOR_LOSS_TYPES : SCORE_LOSS_TYPES;
  if (!fitting.includes(type)) {
    throw new OptionError(
      `'${type}' is not a loss for records of type ${recordType}`,
      'distillationLoss',
      `give ${fitting.join(' or ')}`,
    );
  }
  if (recordType !== 'scored_triplet') return;
  const unused = CONTRASTIVE.find((name) => {
    const value = options[name as keyof LossOptions];
    return value !== undefined && value !== DEFAULT_OPTIONS[name as keyof LossOptions];
  });
  if (unused !== undefined && (options.contrastiveWeight ?? 0) === 0) {
    throw new OptionError(
      'is an option of the in-batch loss, which this distillation does not use',
      unused,
      'give contrastiveWeight above 0, or leave it out',
    );
  }
}

/** What the loss is, in words. */
export function describeLoss(recordType: RecordType, options: ResolvedFinetuneOptions): string {
  const { temperature, matryoshkaDims: dims, matryoshkaWeights: weights, falseNegativeMargin: margin } = options;
  const distillation = `distillation ${distillationOf(recordType, options)}`;
  const names: Record<RecordType, string> = {
    pair: `in-batch ${options.lossType}`,
    triplet: `in-batch ${options.lossType}`,
    scored_triplet:
      options.contrastiveWeight > 0
        ? `${distillation}, ${options.contrastiveWeight} times in-batch ${options.lossType}`
        : distillation,
    scored_pair: 'cosent',
    text_vector: distillation,
    labeled_text: options.labeledLoss,
  };
  const isCold = // no softmax of cosines
    recordType === 'text_vector' ||
    (recordType === 'labeled_text' && options.labeledLoss === 'batch_all_triplet') ||
    (recordType === 'scored_triplet' && options.distillationLoss === 'margin_mse' && options.contrastiveWeight === 0);
  return [
    names[recordType],
    ...(isCold ? [] : [`temperature ${temperature}`]),
    ...(options.teacherTemperature === 1 ? [] : [`teacher's temperature ${options.teacherTemperature}`]),
    ...(names[recordType] === 'batch_all_triplet' ? [`margin ${options.tripletMargin}`] : []),
    ...(options.inBatchPositives ? ['in-batch positives'] : []),
    ...(options.swapLoss ? ['swapped term'] : []),
    ...(options.symmetricLoss ? ['symmetric'] : []),
    ...(options.maskSameTexts ? ['same texts masked'] : []),
    ...(margin === undefined ? [] : [`negatives masked past a margin of ${margin}`]),
    ...(dims.length > 0 ? [`at lengths ${dims.join(', ')}`] : []),
    ...(weights.length > 0 ? [`weighted ${weights.join(', ')}`] : []),
  ].join(', ');
}

/** Embeds the batch and takes its loss. @returns Scalar; call inside tf.tidy or a gradient function. */
export function batchLoss(
  embedder: Embedder,
  batch: RecordBatch,
  options: LossOptions & { gradientCheckpointing?: boolean },
  dropout?: DropoutState,
): tf.Scalar {
  const embeddings = embedder.embed(batch.tokens, dropout, options.gradientCheckpointing);
  return embeddingsLoss(embedder, embeddings, batch, options);
}

/**
 * The criterion of the record type, over embeddings there are.
 *
 * @param embeddings float32 [texts, H], in the order of the batch's texts.
 * @returns Scalar.
 */
export function embeddingsLoss(
  embedder: Embedder,
  embeddings: tf.Tensor2D,
  batch: RecordBatch,
  options: LossOptions,
): tf.Scalar {
  const { matryoshkaDims: dims = [], matryoshkaWeights: weights = [] } = options;
  const loss = lossOf(batch, options);
  if (dims.length > 0) return matryoshkaLoss(embeddings, dims, weights.length > 0 ? weights : undefined, loss);
  return loss(embedder.normalize ? normalize(embeddings) : embeddings); // cosines do not mind, mse does
}

/** A function of all texts' embeddings, or of their first values. */
function lossOf(batch: RecordBatch, options: LossOptions): (embeddings: tf.Tensor2D) => tf.Scalar {
  const { temperature } = options;
  const sizes = batch.texts.map(({ length }) => length);
  const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((sum, size) => sum + size, 0));
  const part = (embeddings: tf.Tensor2D, i: number) =>
    tf.slice(embeddings, [starts[i] as number, 0], [sizes[i] as number, -1]);
  switch (batch.recordType) {
    case 'pair':
      return (x) => pairLoss(part(x, 0), part(x, 1), inBatchOptions(batch, options));
    case 'triplet':
      return (x) => tripletsLoss(batch, options, part(x, 0), part(x, 1), sizes[2] ? part(x, 2) : undefined);
    case 'scored_triplet':
      return (x) => {
        const { distillationLoss: type, teacherTemperature, contrastiveWeight: weight = 0 } = options;
        const [texts, positives] = [part(x, 0), part(x, 1)];
        const candidates = tf.slice(x, [starts[1] as number, 0], [-1, -1]);
        const given = { type: type as ScoreLossType | undefined, temperature, teacherTemperature };
        const loss = scoreDistillationLoss(texts, candidates, batch.teacher as TeacherScores, given);
        if (weight === 0) return loss;
        const contrastive = tripletsLoss(batch, options, texts, positives, sizes[2] ? part(x, 2) : undefined);
        return tf.add(loss, tf.mul(contrastive, weight)) as tf.Scalar;
      };
    case 'scored_pair':
      return (x) => coSentLoss(part(x, 0), part(x, 1), tf.tensor1d(batch.labels as Float32Array), temperature);
    case 'text_vector':
      return (x) => {
        const { vectors, size } = batch as { vectors: Float32Array; size: number };
        const targets = tf.tensor2d(vectors, [size, vectors.length / size]);
        return distillationLoss(x, tf.slice(targets, [0, 0], x.shape), options.distillationLoss as VectorLossType);
      };
    case 'labeled_text': {
      const { labeledLoss: type, tripletMargin: margin } = options;
      return (x) => labeledLoss(x, batch.labels as Float32Array, { type, temperature, margin });
    }
  }
}

/** A record without negatives has the other positives for its own: in a batch with one, all have. */
function tripletsLoss(
  batch: RecordBatch,
  options: LossOptions,
  texts: tf.Tensor2D,
  positives: tf.Tensor2D,
  negatives: tf.Tensor2D | undefined,
): tf.Scalar {
  const inBatchPositives = options.inBatchPositives || batch.records.some((record) => negativesOf(record).length === 0);
  const own = inBatchOptions(batch, { ...options, inBatchPositives });
  if (!negatives) return pairsLoss(texts, positives, own, options);
  const given: TripletOptions = { ...own, swap: options.swapLoss, inBatchPositives };
  return tripletLoss(texts, positives, negatives, given);
}

/** Triplets none of which has a negative. */
function pairsLoss(
  texts: tf.Tensor2D,
  positives: tf.Tensor2D,
  own: InBatchOptions,
  { swapLoss }: LossOptions,
): tf.Scalar {
  const loss = pairLoss(texts, positives, own);
  if (!swapLoss) return loss;
  const ignored = own.ignored && { toText: own.ignored.toPositive, toPositive: own.ignored.toText };
  return tf.add(loss, pairLoss(positives, texts, { ...own, ignored })) as tf.Scalar;
}

function inBatchOptions({ texts }: RecordBatch, options: LossOptions): InBatchOptions {
  const { lossType: type, temperature, symmetricLoss: symmetric, falseNegativeMargin: margin } = options;
  if (!options.maskSameTexts) return { type, temperature, symmetric, margin };
  const [anchors, positives, negatives = []] = texts as [string[], string[], string[]?];
  const candidates = [...(texts.length === 2 || options.inBatchPositives ? positives : []), ...negatives];
  const mask = (own: string[], partners: string[], others: string[]) =>
    tf.tensor2d(sameTexts(own, partners, others), [own.length, others.length]);
  const ignored = {
    toText: mask(anchors, positives, candidates),
    toPositive: mask(positives, anchors, anchors),
  };
  return { type, temperature, symmetric, margin, ignored };
}
