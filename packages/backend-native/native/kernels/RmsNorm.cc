// Root-mean-square normalization over the last axis: y = x / √(mean(x²) + ε)·weight. Sums in float32.
//
// JavaScript: RmsNorm(x: T [R, H], weight: float32 [H], eps, y: T [R, H], inverse: float32 [R]), T float32 or bf16

#include <cmath>

#include "../vector.h"

namespace uniem::UNIEM_ISA {

void RmsNorm(Arguments& arguments) {
  const auto weight = arguments.f32(1);
  const float eps = static_cast<float>(arguments.number(2));
  const auto inverse = arguments.f32(4);
  const size_t H = weight.size();
  const auto run = [&](auto x, auto y) {
    arguments.require(H > 0 && x.size() == inverse.size() * H && y.size() == x.size(), "sizes disagree");
    parallel_for(inverse.size(), std::max<size_t>(1, 8192 / H), [&](size_t begin, size_t end) {
      for (size_t r = begin; r < end; ++r) {
        vec squares = {};
        for_lanes(H, [&](size_t i, size_t n) {
          const vec v = load_lanes(&x[r * H + i], n);
          squares += v * v;
        });
        const float scale = 1.0f / std::sqrt(sum(squares) / H + eps);
        inverse[r] = scale;
        for_lanes(H, [&](size_t i, size_t n) {
          store_lanes(&y[r * H + i], load_lanes(&x[r * H + i], n) * scale * load_lanes(&weight[i], n), n);
        });
      }
    });
  };
  arguments.is_bf16(0) ? run(arguments.b16(0), arguments.b16(3)) : run(arguments.f32(0), arguments.f32(3));
}

}  // namespace uniem::UNIEM_ISA
