// Small matrix products inside one thread, for attention: C[M,N] (+)= A·B, A with any strides, rows of B contiguous.
#pragma once

#include "vector.h"

namespace uniem {
namespace UNIEM_ISA {

// ROWS x (16·COLUMNS) of C, kept in registers over the whole of K.
template <int ROWS, int COLUMNS>
inline void tile(size_t K, const float* a, size_t row_stride, size_t k_stride, const float* b, size_t ldb, float* c,
                 size_t ldc, bool accumulate) {
  vec sums[ROWS][COLUMNS];
  for (int r = 0; r < ROWS; ++r) {
    for (int j = 0; j < COLUMNS; ++j) sums[r][j] = accumulate ? load(c + r * ldc + j * kLanes) : vec{};
  }
  for (size_t k = 0; k < K; ++k) {
    vec row[COLUMNS];
    for (int j = 0; j < COLUMNS; ++j) row[j] = load(b + k * ldb + j * kLanes);
    for (int r = 0; r < ROWS; ++r) {
      const vec x = splat(a[r * row_stride + k * k_stride]);
      for (int j = 0; j < COLUMNS; ++j) sums[r][j] += x * row[j];
    }
  }
  for (int r = 0; r < ROWS; ++r) {
    for (int j = 0; j < COLUMNS; ++j) store(c + r * ldc + j * kLanes, sums[r][j]);
  }
}

// N is a multiple of 16; the caller pads B and C to it.
inline void small_matmul(size_t M, size_t N, size_t K, const float* a, size_t row_stride, size_t k_stride,
                         const float* b, size_t ldb, float* c, size_t ldc, bool accumulate) {
  size_t m = 0;
  const auto rows = [&]<int ROWS>() {
    size_t n = 0;
    for (; n + 2 * kLanes <= N; n += 2 * kLanes) {
      tile<ROWS, 2>(K, a + m * row_stride, row_stride, k_stride, b + n, ldb, c + m * ldc + n, ldc, accumulate);
    }
    if (n < N) tile<ROWS, 1>(K, a + m * row_stride, row_stride, k_stride, b + n, ldb, c + m * ldc + n, ldc, accumulate);
    m += ROWS;
  };
  while (M - m >= 6) rows.template operator()<6>();
  while (M - m >= 2) rows.template operator()<2>();
  if (m < M) rows.template operator()<1>();
}

inline size_t padded(size_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

}  // namespace UNIEM_ISA
}  // namespace uniem
