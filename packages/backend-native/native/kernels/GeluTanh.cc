// gelu by its tanh approximation, and with dy its gradient.
//
//   u = √(2/π)·(x + 0.044715·x³),  y = x·(1 + tanh u)/2
//   dx = dy·((1 + tanh u)/2 + x·(1 − tanh² u)/2·√(2/π)·(1 + 3·0.044715·x²))
//
// JavaScript: GeluTanh(x: T [n], y: T [n], dy: T [n] | null), T float32 or bf16; y receives dx where dy is given

#include "../vector.h"

namespace uniem::UNIEM_ISA {

void GeluTanh(Arguments& arguments) {
  constexpr float kScale = 0.7978845608028654f, kCubic = 0.044715f;
  const bool backward = !arguments.is_null(2);
  const auto run = [&](auto x, auto y, auto dy) {
    arguments.require(x.size() == y.size() && dy.size() == x.size(), "sizes disagree");
    parallel_for(x.size(), 16384, [&](size_t begin, size_t end) {
      for_lanes(end - begin, [&](size_t i, size_t n) {
        const vec v = load_lanes(&x[begin + i], n);
        const vec square = v * v;
        const vec u = kScale * (v + kCubic * square * v);
        const vec t = tanh(u);
        const vec half = (1.0f + t) * 0.5f;
        vec result = v * half;
        if (backward) {
          const vec slope = v * (1.0f - t * t) * 0.5f * kScale * (1.0f + 3 * kCubic * square);
          // Far out the slope is 0, where a large x would make a sum of rounding errors of it.
          result = load_lanes(&dy[begin + i], n) * (half + (u * u > 64.0f ? vec{} : slope));
        }
        store_lanes(&y[begin + i], result, n);
      });
    });
  };
  if (arguments.is_bf16(0)) {
    run(arguments.b16(0), arguments.b16(1), arguments.b16(backward ? 2 : 0));
  } else {
    run(arguments.f32(0), arguments.f32(1), arguments.f32(backward ? 2 : 0));
  }
}

}  // namespace uniem::UNIEM_ISA
