// y of four axes read from x by strides: every permutation of axes is one.
//
// JavaScript: Transpose(x: T, y: T, shape: int32 [4], strides: int32 [4]), T float32 or bf16
//   y[i, j, k, l] = x[i·strides[0] + j·strides[1] + k·strides[2] + l·strides[3]]

#include "../vector.h"

namespace uniem::UNIEM_ISA {

void Transpose(Arguments& arguments) {
  const auto shape = arguments.i32(2);
  const auto strides = arguments.i32(3);
  arguments.require(shape.size() == 4 && strides.size() == 4, "shape and strides have four axes");
  const auto run = [&](auto x, auto y) {
    size_t count = 1, last = 0;
    for (size_t axis = 0; axis < 4; ++axis) {
      arguments.require(shape[axis] >= 0 && strides[axis] >= 0, "a size or stride is negative");
      count *= shape[axis];
      if (shape[axis] > 0) last += static_cast<size_t>(shape[axis] - 1) * strides[axis];
    }
    arguments.require(y.size() == count && (count == 0 || last < x.size()), "sizes disagree");
    if (count == 0) return;
    const size_t J = shape[1], K = shape[2], L = shape[3];
    const size_t stride = strides[3];
    parallel_for(shape[0] * J * K, std::max<size_t>(1, 16384 / L), [&](size_t begin, size_t end) {
      for (size_t row = begin; row < end; ++row) {
        const size_t i = row / (J * K), j = row / K % J, k = row % K;
        const auto* from = x.data() + i * strides[0] + j * strides[1] + k * strides[2];
        auto* to = y.data() + row * L;
        if (stride == 1) {
          std::copy_n(from, L, to);
        } else {
          for (size_t l = 0; l < L; ++l) to[l] = from[l * stride];
        }
      }
    });
  };
  arguments.is_bf16(0) ? run(arguments.b16(0), arguments.b16(1)) : run(arguments.f32(0), arguments.f32(1));
}

}  // namespace uniem::UNIEM_ISA
