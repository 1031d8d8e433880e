/** Text to embedding. The public names of @uniem/core. */

import './tfjs-types.ts';

export { Embedder, type EmbedderOptions, type EncodeOptions } from './embedder/embedder.ts';
export { createUniemEmbedder, type UniemEmbedderOptions } from './embedder/uniem-embedder.ts';
export {
  BACKENDS,
  type Backend,
  type EngineName,
  type EngineOptions,
  PRECISIONS,
  type Precision,
  useEngine,
} from './engine/engine.ts';
export { importOptional } from './engine/optional-package.ts';
export { registerWasmBackend } from './engine/wasm.ts';
export { EngineError, ModelError, OptionError, UniemError } from './errors.ts';
export { refuseForeignFolder, writeFileWhole, writeFolderWhole } from './formats/files.ts';
export { modelFolder } from './formats/model-folder.ts';
export { type HostTensor, openSafetensors, type StoredTensor, writeSafetensors } from './formats/safetensors.ts';
export {
  coSentLoss,
  DEFAULT_TEMPERATURE,
  IN_BATCH_LOSS_TYPES,
  type InBatchLossType,
  type InBatchOptions,
  pairLoss,
  type TripletOptions,
  tripletLoss,
} from './losses/criteria.ts';
export { DISTILLATION_LOSS_TYPES, type DistillationLossType, distillationLoss } from './losses/distillation.ts';
export { matryoshkaLoss } from './losses/matryoshka.ts';
export { type ModelConfig, POOLING_STRATEGIES, type PoolingStrategy } from './models/config.ts';
export { adapterNames, addedRows } from './models/layers.ts';
export { assignParameters, downloadParameters, type Parameters } from './models/parameters.ts';
export { STATIC_EMBEDDING } from './models/static-embedding.ts';
export { type AdamWUpdate, adamW, type Moments } from './operations/adamw.ts';
export { type ClippedGradients, clipGradNorm } from './operations/clip-grad-norm.ts';
export { type DropoutState, dropoutState } from './operations/dropout.ts';
export { cosineMatrix, cosineRows, normalize } from './operations/similarity.ts';
export { ProgressBar } from './progress.ts';
export { lengthsOf, packTokens, type TokenBatch } from './tokenizer/token-batch.ts';
export { Tokenizer } from './tokenizer/tokenizer.ts';
