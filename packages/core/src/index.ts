/** Text to embedding. The public names of @uniem/core. */

// hash_util.d.ts of tfjs-core names the global type Long without saying where it is from.
/// <reference types="long" preserve="true" />

export {
  Embedder,
  type EmbedderOptions,
  type EncodeOptions,
  type EncodeTexts,
  type VectorOptions,
} from './embedder/embedder.ts';
export type { ModelOrigin } from './embedder/open-pretrained.ts';
export { TextModel, type TokenizedTexts, type TokenizeOptions } from './embedder/text-model.ts';
export { createUniemEmbedder, type UniemEmbedderOptions } from './embedder/uniem-embedder.ts';
export { type EngineName, type EngineOptions, ensureEngine, useEngine } from './engine/engine.ts';
export { importOptional } from './engine/optional-package.ts';
export { registerWasmBackend } from './engine/wasm.ts';
export { EngineError, ModelError, OptionError, UniemError } from './errors.ts';
export { refuseForeignFolder, writeFileWhole, writeFolderWhole } from './formats/files.ts';
export { modelFolder } from './formats/model-folder.ts';
export { type HostTensor, openSafetensors, type StoredTensor, writeSafetensors } from './formats/safetensors.ts';
export { coSentLoss, type InBatchOptions, pairLoss, type TripletOptions, tripletLoss } from './losses/criteria.ts';
export {
  distillationLoss,
  type ScoreLossOptions,
  scoreDistillationLoss,
  type TeacherScores,
} from './losses/distillation.ts';
export { type LabeledLossOptions, labeledLoss } from './losses/labeled.ts';
export { matryoshkaLoss } from './losses/matryoshka.ts';
export type { ModelConfig } from './models/config.ts';
export { adapterNames, addedRows, isByColumns } from './models/layers.ts';
export { assignParameters, downloadParameters, type Parameters } from './models/parameters.ts';
export { STATIC_EMBEDDING } from './models/static-embedding.ts';
export {
  BACKENDS,
  type Backend,
  DEFAULT_TEMPERATURE,
  DEFAULT_TRIPLET_MARGIN,
  DISTILLATION_LOSS_TYPES,
  type DistillationLossType,
  IN_BATCH_LOSS_TYPES,
  type InBatchLossType,
  LABELED_LOSS_TYPES,
  type LabeledLossType,
  OUTPUT_PRECISIONS,
  type OutputPrecision,
  POOLING_STRATEGIES,
  type PoolingStrategy,
  PRECISIONS,
  type Precision,
  SCORE_LOSS_TYPES,
  type ScoreLossType,
  SEARCH_PRECISIONS,
  type SearchPrecision,
  VECTOR_LOSS_TYPES,
  type VectorLossType,
} from './names.ts';
export { type AdamWUpdate, adamW, type Moments } from './operations/adamw.ts';
export { type ClippedGradients, clipGradNorm } from './operations/clip-grad-norm.ts';
export { type DropoutState, dropoutState } from './operations/dropout.ts';
export { cosineMatrix, cosineRows, normalize } from './operations/similarity.ts';
export { ProgressBar } from './progress.ts';
export {
  type QuantizationRanges,
  type Quantized,
  quantizationRanges,
  quantizeEmbeddings,
} from './search/quantize.ts';
export { openTokenizer } from './tokenizer/open-tokenizer.ts';
export { lengthsOf, packTokens, type TokenBatch } from './tokenizer/token-batch.ts';
export { type Token, Tokenizer } from './tokenizer/tokenizer.ts';
