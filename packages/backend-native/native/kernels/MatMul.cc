// c[n] = op(a[n])·op(b[n]) (+ bias), n over the batch. op(a) is [M, K]: with transposeA, a is stored [K, M].
//
// JavaScript: MatMul(a: T [batch or 1, M, K], b: U [batch or 1, K, N], c: V [batch, M, N], M, N, K, transposeA,
//                    transposeB, batch, bias: float32 [N] | null), T, U, V float32 or bf16

#include "../gemm.h"
#include "../kernel.h"

namespace uniem::UNIEM_ISA {
namespace {

struct Matrix {
  void* data;
  size_t size;
  Element element;
};

Matrix matrix(const Arguments& arguments, size_t i) {
  if (arguments.is_bf16(i)) {
    const auto values = arguments.b16(i);
    return {values.data(), values.size(), Element::bf16};
  }
  const auto values = arguments.f32(i);
  return {values.data(), values.size(), Element::f32};
}

}  // namespace

void MatMul(Arguments& arguments) {
  const Matrix a = matrix(arguments, 0), b = matrix(arguments, 1), c = matrix(arguments, 2);
  Gemm shape{.M = arguments.size(3),
             .N = arguments.size(4),
             .K = arguments.size(5),
             .transpose_a = arguments.flag(6),
             .transpose_b = arguments.flag(7),
             .batch = arguments.size(8),
             .a_type = a.element,
             .b_type = b.element,
             .c_type = c.element};
  if (c.size == 0) return;
  const size_t one_a = shape.M * shape.K, one_b = shape.K * shape.N;
  shape.repeat_a = a.size == one_a && shape.batch > 1;
  shape.repeat_b = b.size == one_b && shape.batch > 1;
  arguments.require(a.size == one_a * (shape.repeat_a ? 1 : shape.batch), "a is not [batch, M, K]");
  arguments.require(b.size == one_b * (shape.repeat_b ? 1 : shape.batch), "b is not [batch, K, N]");
  arguments.require(c.size == shape.batch * shape.M * shape.N, "c is not [batch, M, N]");
  const float* bias = nullptr;
  if (!arguments.is_null(9)) {
    arguments.require(arguments.f32(9).size() == shape.N, "bias is not [N]");
    bias = arguments.f32(9).data();
  }
  if (shape.K == 0) {  // empty sums, which oneDNN refuses
    arguments.require(!bias, "there is nothing to add a bias to");
    std::memset(c.data, 0, c.size * (c.element == Element::bf16 ? sizeof(bf16) : sizeof(float)));
    return;
  }
  gemm(shape, a.data, b.data, bias, c.data);
}

}  // namespace uniem::UNIEM_ISA
