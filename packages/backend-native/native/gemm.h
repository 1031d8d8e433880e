// Matrix products through oneDNN, with primitives kept by shape.
#pragma once

#include <cstddef>

namespace uniem {

enum class Element : unsigned char { f32, bf16 };

// C[batch, M, N] = op(A)·op(B) (+ bias), row-major. op(A) is [M, K]: with transpose_a, A is stored [K, M].
struct Gemm {
  size_t M, N, K;
  bool transpose_a, transpose_b;
  size_t batch = 1;
  bool repeat_a = false;  // the one matrix A for every batch
  bool repeat_b = false;
  Element a_type = Element::f32, b_type = Element::f32, c_type = Element::f32;

  bool operator==(const Gemm&) const = default;
};

// bias: float32 [N] or nullptr. Throws dnnl::error, and std::bad_alloc when memory runs out.
void gemm(const Gemm& shape, const void* a, const void* b, const float* bias, void* c);

}  // namespace uniem
