// Rotary positions: pairs of a head's first R values turn by the token's angles, the rest stay.
//
//   (y1, y2) = (x1·cos − x2·sin, x2·cos + x1·sin)
//
// JavaScript: Rotary(x: T [tokens, heads·D], y: same, cos: float32 [tokens, R / 2], sin: float32 [tokens, R / 2],
//                    heads, neighbours, sign, tokens), T float32 or bf16
// neighbours: pairs are (2i, 2i + 1), else (i, i + R / 2). sign −1 turns back: the gradient.

#include "../vector.h"

namespace uniem::UNIEM_ISA {
namespace {

inline float to_float(float x) { return x; }
inline float to_float(bf16 x) {
  const uint32_t bits = static_cast<uint32_t>(x.bits) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
inline void put(float& to, float x) { to = x; }
inline void put(bf16& to, float x) { store_part(&to, splat(x), 1); }

}  // namespace

void Rotary(Arguments& arguments) {
  const auto cos = arguments.f32(2);
  const auto sin = arguments.f32(3);
  const size_t heads = arguments.size(4);
  const bool neighbours = arguments.flag(5);
  const float sign = static_cast<float>(arguments.number(6));
  const auto run = [&](auto x, auto y, size_t tokens) {
    if (tokens == 0 || x.empty()) return;
    arguments.require(heads > 0 && x.size() == y.size() && x.size() % (tokens * heads) == 0 &&
                          sin.size() == cos.size() && cos.size() % tokens == 0,
                      "sizes disagree");
    const size_t D = x.size() / (tokens * heads);
    const size_t half = cos.size() / tokens;
    arguments.require(2 * half <= D, "more values turn than a head has");
    parallel_for(tokens, std::max<size_t>(1, 8192 / (heads * D)), [&](size_t begin, size_t end) {
      for (size_t t = begin; t < end; ++t) {
        const float* c = &cos[t * half];
        const float* s = &sin[t * half];
        for (size_t h = 0; h < heads; ++h) {
          const auto* from = &x[(t * heads + h) * D];
          auto* to = &y[(t * heads + h) * D];
          if (neighbours) {
            for (size_t i = 0; i < half; ++i) {
              const float first = to_float(from[2 * i]), second = to_float(from[2 * i + 1]);
              put(to[2 * i], first * c[i] - second * s[i] * sign);
              put(to[2 * i + 1], second * c[i] + first * s[i] * sign);
            }
          } else {
            for_lanes(half, [&](size_t i, size_t n) {
              const vec first = load_lanes(from + i, n), second = load_lanes(from + half + i, n);
              const vec cosine = load_lanes(c + i, n), sine = load_lanes(s + i, n) * sign;
              store_lanes(to + i, first * cosine - second * sine, n);
              store_lanes(to + half + i, second * cosine + first * sine, n);
            });
          }
          std::copy(from + 2 * half, from + D, to + 2 * half);
        }
      }
    });
  };
  const size_t tokens = arguments.size(7);
  arguments.is_bf16(0) ? run(arguments.b16(0), arguments.b16(1), tokens)
                       : run(arguments.f32(0), arguments.f32(1), tokens);
}

}  // namespace uniem::UNIEM_ISA
