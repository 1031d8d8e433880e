// Softmax over the last axis.
//
//   y[r, c] = exp(x[r, c] − max_r) / Σ_c exp(x[r, c] − max_r)
//
// JavaScript: Softmax(x: T [R, C], y: T [R, C], C), T float32 or bf16. A row of −inf gives NaN, as TF.js does.

#include <limits>

#include "../vector.h"

namespace uniem::UNIEM_ISA {
namespace {

template <typename T>
void softmax_row(const T* x, T* y, size_t C) {
  vec largest = splat(-std::numeric_limits<float>::infinity());
  bool is_nan = false;
  for_lanes(C, [&](size_t i, size_t n) {
    vec v = load_lanes(x + i, n);
    for (size_t lane = n; lane < kLanes; ++lane) v[lane] = -std::numeric_limits<float>::infinity();
    for (size_t lane = 0; lane < kLanes; ++lane) is_nan |= v[lane] != v[lane];
    largest = max(largest, v);
  });
  const float top = max(largest);
  if (is_nan || top == std::numeric_limits<float>::infinity() || top == -std::numeric_limits<float>::infinity()) {
    for_lanes(C, [&](size_t i, size_t n) {
      store_lanes(y + i, splat(std::numeric_limits<float>::quiet_NaN()), n);
    });
    return;
  }
  vec total = {};
  for_lanes(C, [&](size_t i, size_t n) {
    vec p = exp(load_lanes(x + i, n) - top);
    for (size_t lane = n; lane < kLanes; ++lane) p[lane] = 0;
    total += p;
  });
  const float inverse = 1.0f / sum(total);
  for_lanes(C, [&](size_t i, size_t n) { store_lanes(y + i, exp(load_lanes(x + i, n) - top) * inverse, n); });
}

}  // namespace

void Softmax(Arguments& arguments) {
  const size_t C = arguments.size(2);
  const auto run = [&](auto x, auto y) {
    arguments.require(x.size() == y.size() && C > 0 && x.size() % C == 0, "sizes disagree");
    parallel_for(x.size() / C, std::max<size_t>(1, 8192 / C), [&](size_t begin, size_t end) {
      for (size_t r = begin; r < end; ++r) softmax_row(&x[r * C], &y[r * C], C);
    });
  };
  arguments.is_bf16(0) ? run(arguments.b16(0), arguments.b16(1)) : run(arguments.f32(0), arguments.f32(1));
}

}  // namespace uniem::UNIEM_ISA
