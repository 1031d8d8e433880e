// The one list of kernels in C++. Each row has a file kernels/<Name>.cc and a TypeScript twin in ../src/kernels.
#pragma once

#define UNIEM_KERNELS(ROW) \
  ROW(AdamW)               \
  ROW(Attention)           \
  ROW(AttentionBiasGrad)   \
  ROW(AttentionGrad)       \
  ROW(Binary)              \
  ROW(Cast)                \
  ROW(CoSent)              \
  ROW(ColumnSum)           \
  ROW(Convert)             \
  ROW(CopyRows)            \
  ROW(Dropout)             \
  ROW(Gather)              \
  ROW(Gelu)                \
  ROW(GeluGrad)            \
  ROW(GeluTanh)            \
  ROW(InBatchSoftmax)      \
  ROW(LayerNorm)           \
  ROW(LayerNormGrad)       \
  ROW(MatMul)              \
  ROW(MaxTokens)           \
  ROW(MaxTokensGrad)       \
  ROW(Norm)                \
  ROW(PoolTokens)          \
  ROW(PoolTokensGrad)      \
  ROW(Reduce)              \
  ROW(RmsNorm)             \
  ROW(RmsNormGrad)         \
  ROW(Rotary)              \
  ROW(RowSum)              \
  ROW(ScatterAdd)          \
  ROW(Select)              \
  ROW(Silu)                \
  ROW(Softmax)             \
  ROW(Tile)                \
  ROW(Transpose)           \
  ROW(Unary)
