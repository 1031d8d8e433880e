// y = f(x), value by value.
//
// JavaScript: Unary(x: T [n], y: T [n], op, alpha), T float32 or bf16
//   op: 0 |x|, 1 eˣ, 2 −x, 3 max(0, x), 4 1/√x, 5 1/(1 + e⁻ˣ), 6 √x, 7 x², 8 (x > 0 ? 1 : alpha), 9 tanh x

#include <cmath>

#include "../vector.h"

namespace uniem::UNIEM_ISA {
namespace {

inline vec sqrt(vec x) {
  for (size_t lane = 0; lane < kLanes; ++lane) x[lane] = std::sqrt(x[lane]);
  return x;
}

template <typename T, typename Op>
void unary(std::span<const T> x, std::span<T> y, const Op& op) {
  parallel_for(x.size(), 16384, [&](size_t begin, size_t end) {
    for_lanes(end - begin, [&](size_t i, size_t n) { store_lanes(&y[begin + i], op(load_lanes(&x[begin + i], n)), n); });
  });
}

template <typename T>
void run(const Arguments& arguments, std::span<const T> x, std::span<T> y) {
  arguments.require(x.size() == y.size(), "x and y differ in size");
  const float alpha = static_cast<float>(arguments.number(3));
  switch (arguments.size(2)) {
    case 0: return unary(x, y, [](vec v) { return v < 0 ? -v : v + 0.0f; });  // −0 + 0 is 0
    case 1: return unary(x, y, [](vec v) {
      const vec half = exp(v * 0.5f);  // squared: infinity and the smallest numbers are reached
      return half * half;
    });
    case 2: return unary(x, y, [](vec v) { return -v; });
    case 3: return unary(x, y, [](vec v) { return max(vec{}, v); });
    case 4: return unary(x, y, [](vec v) { return 1.0f / sqrt(v); });
    case 5: return unary(x, y, [](vec v) { return 1.0f / (1.0f + exp(-v)); });
    case 6: return unary(x, y, [](vec v) { return sqrt(v); });
    case 7: return unary(x, y, [](vec v) { return v * v; });
    case 8: return unary(x, y, [alpha](vec v) { return v != v ? v : v > 0 ? splat(1.0f) : splat(alpha); });
    case 9: return unary(x, y, [](vec v) { return tanh(v); });
    default: arguments.fail("unknown operation");
  }
}

}  // namespace

void Unary(Arguments& arguments) {
  arguments.is_bf16(0) ? run<bf16>(arguments, arguments.b16(0), arguments.b16(1))
                       : run<float>(arguments, arguments.f32(0), arguments.f32(1));
}

}  // namespace uniem::UNIEM_ISA
