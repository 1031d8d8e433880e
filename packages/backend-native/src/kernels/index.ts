/** The one list of kernels in TypeScript. */

import type { Kernel } from '../define-kernel.ts';
import { adamW } from './AdamW.ts';
import { attention, attentionBiasGrad, attentionGrad } from './Attention.ts';
import { binary } from './Binary.ts';
import { cast } from './Cast.ts';
import { clipGradNorm } from './ClipGradNorm.ts';
import { concat, pack, padV2, slice, splitV } from './CopyRows.ts';
import { coSent } from './CoSent.ts';
import { dropout } from './Dropout.ts';
import { embedding, embeddingGrad } from './Embedding.ts';
import { gatherV2, unsortedSegmentSum } from './Gather.ts';
import { gelu, geluGrad } from './Gelu.ts';
import { geluTanh, geluTanhGrad } from './GeluTanh.ts';
import { inBatchSoftmax } from './InBatchSoftmax.ts';
import { layerNorm, layerNormGrad } from './LayerNorm.ts';
import { columnSum, linear, linearGradInput, linearGradWeight } from './Linear.ts';
import { matMul } from './MatMul.ts';
import { maxTokens, maxTokensGrad } from './MaxTokens.ts';
import { poolTokens, poolTokensGrad } from './PoolTokens.ts';
import { reductions } from './Reduce.ts';
import { rmsNorm, rmsNormGrad } from './RmsNorm.ts';
import { rotary } from './Rotary.ts';
import { select } from './Select.ts';
import { silu, siluGrad } from './Silu.ts';
import { softmax } from './Softmax.ts';
import { tile } from './Tile.ts';
import { transpose } from './Transpose.ts';
import { unary } from './Unary.ts';

export const KERNELS: readonly Kernel[] = [
  adamW,
  attention,
  attentionBiasGrad,
  attentionGrad,
  ...binary,
  cast,
  clipGradNorm,
  coSent,
  columnSum,
  concat,
  dropout,
  embedding,
  embeddingGrad,
  gatherV2,
  gelu,
  geluGrad,
  geluTanh,
  geluTanhGrad,
  inBatchSoftmax,
  layerNorm,
  layerNormGrad,
  linear,
  linearGradInput,
  linearGradWeight,
  matMul,
  maxTokens,
  maxTokensGrad,
  pack,
  padV2,
  poolTokens,
  poolTokensGrad,
  ...reductions,
  rmsNorm,
  rmsNormGrad,
  rotary,
  select,
  silu,
  siluGrad,
  slice,
  softmax,
  splitV,
  tile,
  transpose,
  ...unary,
  unsortedSegmentSum,
];
