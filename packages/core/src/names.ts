/** What options are called, without TensorFlow.js: for whoever reads options before there is anything to compute. */

export const BACKENDS = ['auto', 'native', 'tensorflow', 'wasm', 'cpu'] as const;

/** `auto` is the first of native, tensorflow, wasm and cpu that starts; with a warning where that is wasm or cpu. */
export type Backend = (typeof BACKENDS)[number];

export const PRECISIONS = ['fp32', 'bf16'] as const;

/** Arithmetic of matrix products; sums, norms, softmax, loss and the weights themselves are always fp32. */
export type Precision = (typeof PRECISIONS)[number];

export const POOLING_STRATEGIES = [
  'cls',
  'last_mean',
  'first_last_mean',
  'embedding_last_mean',
  'last_weighted',
  'last_token',
  'last_max',
  'last_mean_sqrt_len',
] as const;

/** How token states become one vector; uniem's names, plus last_token, last_max and last_mean_sqrt_len. */
export type PoolingStrategy = (typeof POOLING_STRATEGIES)[number];

export const IN_BATCH_LOSS_TYPES = ['softmax', 'sigmoid', 'cosent'] as const;

/** Of a batch of pairs or triplets, whose other records are negatives. */
export type InBatchLossType = (typeof IN_BATCH_LOSS_TYPES)[number];

/** Divides cosines before a softmax: uniem's. */
export const DEFAULT_TEMPERATURE = 0.05;

export const VECTOR_LOSS_TYPES = ['mse', 'cosine'] as const;

/** Of texts with vectors. */
export type VectorLossType = (typeof VECTOR_LOSS_TYPES)[number];

export const SCORE_LOSS_TYPES = ['kl', 'margin_mse'] as const;

/** Of triplets with a teacher's scores. */
export type ScoreLossType = (typeof SCORE_LOSS_TYPES)[number];

export const DISTILLATION_LOSS_TYPES = [...VECTOR_LOSS_TYPES, ...SCORE_LOSS_TYPES] as const;

export type DistillationLossType = (typeof DISTILLATION_LOSS_TYPES)[number];

export const LABELED_LOSS_TYPES = ['supcon', 'batch_all_triplet'] as const;

/** Of texts with classes. */
export type LabeledLossType = (typeof LABELED_LOSS_TYPES)[number];

/** sentence-transformers' margin of BatchAllTripletLoss. */
export const DEFAULT_TRIPLET_MARGIN = 5;

/** float16 are the bits of IEEE 754 binary16; binary packs 8 signs a byte, as int8 (the byte − 128), ubinary as uint8. */
export const OUTPUT_PRECISIONS = ['float32', 'float16', 'int8', 'uint8', 'binary', 'ubinary'] as const;

export type OutputPrecision = (typeof OUTPUT_PRECISIONS)[number];

/** The precisions that a search by codes is for; float32 and float16 vectors are searched as they are. */
export const SEARCH_PRECISIONS = ['int8', 'uint8', 'binary', 'ubinary'] as const;

export type SearchPrecision = (typeof SEARCH_PRECISIONS)[number];

export { OptionError } from './errors.ts';
