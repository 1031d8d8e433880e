/** The one list of kernels in TypeScript. */

import type { Kernel } from '../define-kernel.ts';
import { adamW } from './AdamW.ts';
import { attention, attentionBiasGrad, attentionGrad } from './Attention.ts';
import { binary } from './Binary.ts';
import { clipGradNorm } from './ClipGradNorm.ts';
import { concat, slice, splitV } from './CopyRows.ts';
import { coSent } from './CoSent.ts';
import { dropout } from './Dropout.ts';
import { embedding, embeddingGrad } from './Embedding.ts';
import { gelu, geluGrad } from './Gelu.ts';
import { inBatchSoftmax } from './InBatchSoftmax.ts';
import { layerNorm, layerNormGrad } from './LayerNorm.ts';
import { columnSum, linear, linearGradInput, linearGradWeight } from './Linear.ts';
import { matMul } from './MatMul.ts';
import { poolTokens, poolTokensGrad } from './PoolTokens.ts';
import { rmsNorm, rmsNormGrad } from './RmsNorm.ts';
import { rotary } from './Rotary.ts';
import { silu, siluGrad } from './Silu.ts';
import { softmax } from './Softmax.ts';
import { sum } from './Sum.ts';
import { transpose } from './Transpose.ts';

export const KERNELS: readonly Kernel[] = [
  adamW,
  attention,
  attentionBiasGrad,
  attentionGrad,
  ...binary,
  clipGradNorm,
  coSent,
  columnSum,
  concat,
  dropout,
  embedding,
  embeddingGrad,
  gelu,
  geluGrad,
  inBatchSoftmax,
  layerNorm,
  layerNormGrad,
  linear,
  linearGradInput,
  linearGradWeight,
  matMul,
  poolTokens,
  poolTokensGrad,
  rmsNorm,
  rmsNormGrad,
  rotary,
  silu,
  siluGrad,
  slice,
  softmax,
  splitV,
  sum,
  transpose,
];
