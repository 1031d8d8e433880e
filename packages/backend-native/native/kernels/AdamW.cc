// One AdamW update in place; torch.optim.AdamW's arithmetic.
//
//   θ ← θ·(1 − lr·λ),  m ← β₁m + (1 − β₁)g,  v ← β₂v + (1 − β₂)g²,  θ ← θ − step·m / (√v·root + ε)
//
// JavaScript: AdamW(parameter, gradient, m, v: float32 [n], beta1, beta2, eps, decay = lr·λ, step = lr/(1 − β₁ᵗ),
//                   root = 1/√(1 − β₂ᵗ), scale of the gradient)

#include <cmath>

#include "../vector.h"

namespace uniem::UNIEM_ISA {
namespace {

inline vec sqrt(vec x) {
  for (size_t lane = 0; lane < kLanes; ++lane) x[lane] = std::sqrt(x[lane]);
  return x;
}

}  // namespace

void AdamW(Arguments& arguments) {
  const auto parameter = arguments.f32(0);
  const auto gradient = arguments.f32(1);
  const auto m = arguments.f32(2);
  const auto v = arguments.f32(3);
  const size_t count = parameter.size();
  arguments.require(gradient.size() == count && m.size() == count && v.size() == count, "sizes disagree");
  const auto number = [&](size_t i) { return static_cast<float>(arguments.number(i)); };
  const float beta1 = number(4), beta2 = number(5), eps = number(6), keep = 1 - number(7), step = number(8),
              root = number(9), scale = number(10);
  const float rest1 = static_cast<float>(1 - arguments.number(4));
  const float rest2 = static_cast<float>(1 - arguments.number(5));
  parallel_for(count, 16384, [&](size_t begin, size_t end) {
    for_lanes(end - begin, [&](size_t offset, size_t n) {
      const size_t i = begin + offset;
      const vec g = load_lanes(&gradient[i], n) * scale;
      const vec first = load_lanes(&m[i], n) * beta1 + g * rest1;
      const vec second = load_lanes(&v[i], n) * beta2 + g * g * rest2;
      const vec update = first * step / (sqrt(second) * root + eps);
      store_lanes(&m[i], first, n);
      store_lanes(&v[i], second, n);
      store_lanes(&parameter[i], load_lanes(&parameter[i], n) * keep - update, n);
    });
  });
}

}  // namespace uniem::UNIEM_ISA
