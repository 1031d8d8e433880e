/** The loss of a batch by its record type and the run's options. N records, H hidden units. */

import * as tf from '@tensorflow/tfjs-core';
import {
  coSentLoss,
  type DropoutState,
  distillationLoss,
  type Embedder,
  type InBatchOptions,
  matryoshkaLoss,
  normalize,
  OptionError,
  pairLoss,
  tripletLoss,
} from '@uniem/core';
import type { RecordType } from '@uniem/data';
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
  >
>;

/** Options that only some record types have a meaning for. */
const RECORD_TYPES_OF = {
  lossType: ['pair', 'triplet'],
  swapLoss: ['triplet'],
  inBatchPositives: ['triplet'],
  symmetricLoss: ['pair', 'triplet'],
  maskSameTexts: ['pair', 'triplet'],
  falseNegativeMargin: ['pair', 'triplet'],
  temperature: ['pair', 'triplet', 'scored_pair'],
  distillationLoss: ['text_vector'],
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
  if (options.swapLoss && options.symmetricLoss) {
    throw new OptionError('cannot be given beside swapLoss', 'symmetricLoss', 'give one of them');
  }
  const { matryoshkaDims: dims = [], matryoshkaWeights: weights = [] } = options;
  if (dims.length > 0 && recordType === 'text_vector' && (options.distillationLoss ?? 'mse') === 'mse') {
    const what = "compares vectors of length 1, and mse the vectors' own lengths";
    throw new OptionError(what, 'matryoshkaDims', "give distillationLoss 'cosine', or leave it out");
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

/** What the loss is, in words. */
export function describeLoss(recordType: RecordType, options: ResolvedFinetuneOptions): string {
  const { temperature, matryoshkaDims: dims, matryoshkaWeights: weights, falseNegativeMargin: margin } = options;
  const names: Record<RecordType, string> = {
    pair: `in-batch ${options.lossType}`,
    triplet: `in-batch ${options.lossType}`,
    scored_pair: 'cosent',
    text_vector: `distillation ${options.distillationLoss}`,
  };
  return [
    names[recordType],
    ...(recordType === 'text_vector' ? [] : [`temperature ${temperature}`]),
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
  const { temperature, swapLoss: swap, inBatchPositives } = options;
  const sizes = batch.texts.map(({ length }) => length);
  const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((sum, size) => sum + size, 0));
  const part = (embeddings: tf.Tensor2D, i: number) =>
    tf.slice(embeddings, [starts[i] as number, 0], [sizes[i] as number, -1]);
  switch (batch.recordType) {
    case 'pair':
      return (x) => pairLoss(part(x, 0), part(x, 1), inBatchOptions(batch, options));
    case 'triplet': {
      const triplets = { swap, inBatchPositives };
      return (x) => tripletLoss(part(x, 0), part(x, 1), part(x, 2), { ...inBatchOptions(batch, options), ...triplets });
    }
    case 'scored_pair':
      return (x) => coSentLoss(part(x, 0), part(x, 1), tf.tensor1d(batch.labels as Float32Array), temperature);
    case 'text_vector':
      return (x) => {
        const { vectors, size } = batch as { vectors: Float32Array; size: number };
        const targets = tf.tensor2d(vectors, [size, vectors.length / size]);
        return distillationLoss(x, tf.slice(targets, [0, 0], x.shape), options.distillationLoss);
      };
  }
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
